// From planned to converted, in customers.
import {useMemo} from 'react';
import {useTranslation} from 'react-i18next';

import type {CampaignReport} from '../../api/gen/rondo/insight/v1/report_pb';
import {Chart} from '../../ui/chart';
import {DataTable} from '../../ui/table';
import {formatCount} from '../../ui/words';
import {suppressedOf} from './figures';

const STEPS = ['planned', 'sent', 'delivered', 'opened', 'clicked', 'converted'] as const;
const LOSSES = ['bounced', 'inDoubt', 'unsubscribed', 'complained'] as const;

export function FunnelChart(props: {report: CampaignReport}) {
  const {t} = useTranslation();
  const funnel = props.report.funnel;
  const option = useMemo(
    () => ({
      grid: {left: 90, right: 60, top: 5, bottom: 25},
      xAxis: {type: 'value', minInterval: 1, axisLabel: {formatter: formatCount, hideOverlap: true}},
      yAxis: {type: 'category', inverse: true, data: STEPS.map((step) => t(`funnel.${step}`))},
      series: [{
        type: 'bar',
        data: STEPS.map((step) => Number(funnel?.[step] ?? 0)),
        label: {show: true, position: 'right',
                formatter: (bar: {value: number}) => formatCount(bar.value)},
        itemStyle: {color: '#2f81c7'},
      }],
    }),
    [funnel, t],
  );
  const rows = [...STEPS, ...LOSSES].map((step) => ({
    key: step as string,
    cells: [t(`funnel.${step}`), formatCount(funnel?.[step] ?? 0)],
  }));
  const reasons = (funnel?.suppressed ?? []).map(({reason, count}) => ({
    key: `suppressed/${reason}`,
    cells: [t('funnel.reason', {reason: reason.replaceAll('_', ' ')}), formatCount(count)],
  }));
  rows.splice(1, 0, {
    key: 'suppressed',
    cells: [t('funnel.suppressed'), formatCount(suppressedOf(props.report))],
  }, ...reasons);
  return (
    <section>
      <h2>{t('funnel.title')}</h2>
      <Chart option={option} label={t('funnel.title')} height={220} />
      <DataTable name="funnel" caption={t('funnel.title')}
                 columns={[{title: t('column.step')}, {title: t('column.customers'), numeric: true}]}
                 rows={rows} />
    </section>
  );
}
