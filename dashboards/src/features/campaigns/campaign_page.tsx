// One campaign: funnel, what it caused, arms and cycles.
import {timestampDate} from '@bufbuild/protobuf/wkt';
import {Fragment} from 'react';
import {useTranslation} from 'react-i18next';

import {useCycles, useReport} from '../../api/campaigns';
import type {Cycle} from '../../api/gen/rondo/campaign/v1/campaign_pb';
import type {CampaignReport} from '../../api/gen/rondo/insight/v1/report_pb';
import {Loaded} from '../../ui/load_state';
import {hrefOf, type Place} from '../../ui/route';
import {DataTable} from '../../ui/table';
import {formatCount, formatTime, groupWarnings} from '../../ui/words';
import {customersOf, formatMean, formatShare, shortName} from './figures';
import {FunnelChart} from './funnel_chart';
import {LiftSection} from './lift_chart';

export function CampaignPage(props: {campaign: string; cycle: number}) {
  const {t} = useTranslation();
  const report = useReport(props.campaign, props.cycle);
  const cycles = useCycles(props.campaign);
  const known = cycles.data?.cycles ?? [];
  return (
    <>
      <p><a href={hrefOf({campaign: null, cycle: 0})}>{t('back')}</a></p>
      <h1>{shortName(props.campaign)}</h1>
      <CycleChoice place={props} numbers={known.map((cycle) => cycle.number)} />
      <Loaded query={report}>
        {(figures) => figures !== null ? <Figures report={figures} /> : (
          <Loaded query={cycles}>
            {(list) => <NoReport place={props} cycles={list?.cycles ?? null} />}
          </Loaded>
        )}
      </Loaded>
      {cycles.data !== null && (
        <section>
          <h2>{t('cycles.title')}</h2>
          <Loaded query={cycles}>{() => <Cycles cycles={known} />}</Loaded>
        </section>
      )}
      {cycles.data === null && report.data && <p className="notice">{t('imported')}</p>}
    </>
  );
}

// Why there are no figures. Without `cycles` the campaign is not defined.
function NoReport(props: {place: {campaign: string; cycle: number}; cycles: Cycle[] | null}) {
  const {t} = useTranslation();
  const {place, cycles} = props;
  const name = shortName(place.campaign);
  let why = t('empty.report', {name});
  if (cycles === null) {
    why = t('empty.campaign', {name});
  } else if (place.cycle > 0 && !cycles.some((cycle) => cycle.number === place.cycle)) {
    why = t('empty.cycle', {number: place.cycle, last: cycles.at(-1)?.number ?? 0});
  }
  return <p className="notice" data-figure="none">{why}</p>;
}

function CycleChoice(props: {place: {campaign: string; cycle: number}; numbers: number[]}) {
  const {t} = useTranslation();
  const {campaign, cycle} = props.place;
  const go = (chosen: number) => {
    const place: Place = {campaign, cycle: chosen};
    window.location.hash = hrefOf(place);
  };
  // What the address names is shown as chosen, even if it is not there.
  const numbers = cycle === 0 || props.numbers.includes(cycle) ? props.numbers : [...props.numbers, cycle];
  return (
    <label>
      {t('cycle.choose')}{' '}
      <select value={cycle} onChange={(event) => go(Number(event.target.value))}>
        <option value={0}>{t('cycle.all')}</option>
        {numbers.map((number) => (
          <option key={number} value={number}>{t('cycle.one', {number})}</option>
        ))}
      </select>
    </label>
  );
}

function Figures(props: {report: CampaignReport}) {
  const {t} = useTranslation();
  const {report} = props;
  const time = report.asOf ? formatTime(timestampDate(report.asOf), true) : '';
  return (
    <>
      <p className="quiet">
        {t(report.cycle === 0 ? 'asOfAll' : 'asOf', {time, n: formatCount(customersOf(report))})}
      </p>
      {groupWarnings(report.warnings).map((warning) => <p key={warning} className="warning">{warning}</p>)}
      <FunnelChart report={report} />
      <LiftSection report={report} />
      <section>
        <h2>{t('arms.title')}</h2>
        <DataTable
          name="arms"
          caption={t('arms.title')}
          columns={[{title: t('column.arm')}, {title: t('column.customers'), numeric: true},
                    {title: t('column.metric')}, {title: t('column.mean'), numeric: true}]}
          rows={report.arms.flatMap((arm) =>
            arm.means.map((mean) => ({
              key: `${arm.arm}/${mean.metric}`,
              cells: [arm.arm, formatCount(arm.n), mean.metric,
                      formatMean(mean.metric, mean.mean, report.currency)],
            })))}
        />
      </section>
    </>
  );
}

function Cycles(props: {cycles: Cycle[]}) {
  const {t} = useTranslation();
  if (props.cycles.length === 0) return <p className="notice">{t('empty.cycles')}</p>;
  return (
    <DataTable
      name="cycles"
      caption={t('cycles.title')}
      columns={[{title: t('column.cycle')}, {title: t('column.due')},
                {title: t('column.targeted'), numeric: true}, {title: t('column.shares')},
                {title: t('column.reasons')}]}
      rows={props.cycles.map((cycle) => ({
        key: String(cycle.number),
        cells: [
          cycle.number,
          cycle.dueTime ? formatTime(timestampDate(cycle.dueTime)) : '',
          formatCount(cycle.targeted),
          cycle.shares.map((share, i) => (
            <Fragment key={share.cell}>
              {i > 0 && ', '}<span className="whole">{share.cell} {formatShare(share.share)}</span>
            </Fragment>
          )),
          <ul>{cycle.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul>,
        ],
      }))}
    />
  );
}
