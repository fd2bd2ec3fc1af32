// One campaign: funnel, what it caused, arms and cycles.
import {timestampDate} from '@bufbuild/protobuf/wkt';
import {useTranslation} from 'react-i18next';

import {useCycles, useReport} from '../../api/campaigns';
import type {Cycle} from '../../api/gen/rondo/campaign/v1/campaign_pb';
import type {CampaignReport} from '../../api/gen/rondo/insight/v1/report_pb';
import {Loaded} from '../../ui/load_state';
import {hrefOf, type Place} from '../../ui/route';
import {DataTable} from '../../ui/table';
import {customersOf, formatMean, shortName} from './figures';
import {FunnelChart} from './funnel_chart';
import {LiftSection} from './lift_chart';

export function CampaignPage(props: {campaign: string; cycle: number}) {
  const {t} = useTranslation();
  const report = useReport(props.campaign, props.cycle);
  const cycles = useCycles(props.campaign);
  return (
    <>
      <p><a href={hrefOf({campaign: null, cycle: 0})}>{t('back')}</a></p>
      <h1>{shortName(props.campaign)}</h1>
      <CycleChoice place={props} cycles={cycles.data?.cycles ?? []} />
      <Loaded query={report}>
        {(figures) => (figures === null ? <p className="notice">{t('empty.report')}</p> : <Figures report={figures} />)}
      </Loaded>
      <section>
        <h2>{t('cycles.title')}</h2>
        <Loaded query={cycles}>{(list) => <Cycles cycles={list.cycles} />}</Loaded>
      </section>
    </>
  );
}

function CycleChoice(props: {place: {campaign: string; cycle: number}; cycles: Cycle[]}) {
  const {t} = useTranslation();
  const go = (cycle: number) => {
    const place: Place = {campaign: props.place.campaign, cycle};
    window.location.hash = hrefOf(place);
  };
  return (
    <label>
      {t('cycle.choose')}{' '}
      <select value={props.place.cycle} onChange={(event) => go(Number(event.target.value))}>
        <option value={0}>{t('cycle.all')}</option>
        {props.cycles.map((cycle) => (
          <option key={cycle.number} value={cycle.number}>{t('cycle.one', {number: cycle.number})}</option>
        ))}
      </select>
    </label>
  );
}

function Figures(props: {report: CampaignReport}) {
  const {t} = useTranslation();
  const {report} = props;
  const time = report.asOf ? timestampDate(report.asOf).toISOString() : '';
  return (
    <>
      <p className="quiet">{t('asOf', {time, n: customersOf(report).toLocaleString('en')})}</p>
      {report.warnings.map((warning) => <p key={warning} className="warning">{warning}</p>)}
      <FunnelChart report={report} />
      <LiftSection report={report} />
      <section>
        <h2>{t('arms.title')}</h2>
        <div data-table="arms">
          <DataTable
            caption={t('arms.title')}
            columns={[{title: t('column.arm')}, {title: t('column.customers'), numeric: true},
                      {title: t('column.metric')}, {title: t('column.mean'), numeric: true}]}
            rows={report.arms.flatMap((arm) =>
              arm.means.map((mean) => ({
                key: `${arm.arm}/${mean.metric}`,
                cells: [arm.arm, Number(arm.n).toLocaleString('en'), mean.metric,
                        <span data-value={mean.mean}>{formatMean(mean.metric, mean.mean, report.currency)}</span>],
              })))}
          />
        </div>
      </section>
    </>
  );
}

function Cycles(props: {cycles: Cycle[]}) {
  const {t} = useTranslation();
  if (props.cycles.length === 0) return <p className="notice">{t('empty.cycles')}</p>;
  return (
    <DataTable
      caption={t('cycles.title')}
      columns={[{title: t('column.cycle')}, {title: t('column.due')},
                {title: t('column.targeted'), numeric: true}, {title: t('column.shares')},
                {title: t('column.reasons')}]}
      rows={props.cycles.map((cycle) => ({
        key: String(cycle.number),
        cells: [
          cycle.number,
          cycle.dueTime ? timestampDate(cycle.dueTime).toISOString().slice(0, 16) + 'Z' : '',
          Number(cycle.targeted).toLocaleString('en'),
          cycle.shares.map((share) => `${share.cell} ${(share.share * 100).toFixed(1)} %`).join(', '),
          <ul>{cycle.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul>,
        ],
      }))}
    />
  );
}
