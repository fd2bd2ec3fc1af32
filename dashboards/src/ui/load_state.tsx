// What stands in a place whose data is not there yet, or did not come.
import type {UseQueryResult} from '@tanstack/react-query';
import type {ReactNode} from 'react';
import {useTranslation} from 'react-i18next';

export function Loaded<T>(props: {query: UseQueryResult<T>; children: (data: T) => ReactNode}) {
  const {t} = useTranslation();
  const {query} = props;
  if (query.data !== undefined) return <>{props.children(query.data)}</>;
  if (query.isError) {
    return (
      <p role="alert" className="notice">
        {t('failed', {reason: query.error.message})}{' '}
        <button onClick={() => void query.refetch()}>{t('retry')}</button>
      </p>
    );
  }
  return <p role="status" className="notice">{t('loading')}</p>;
}
