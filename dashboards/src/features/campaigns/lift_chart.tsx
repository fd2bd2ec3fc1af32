// What each arm caused in one metric, with intervals.
import {useMemo} from 'react';
import {useTranslation} from 'react-i18next';

import type {CampaignReport, Effect} from '../../api/gen/rondo/insight/v1/report_pb';
import {Chart} from '../../ui/chart';
import {formatMinorUnits} from '../../ui/money';
import {DataTable} from '../../ui/table';
import {formatDifference, formatP, isClear} from './figures';

export function LiftSection(props: {report: CampaignReport}) {
  const {t} = useTranslation();
  const {effects, currency} = props.report;
  const metrics = [...new Set(effects.map((effect) => effect.metric))];
  return (
    <section>
      <h2>{t('lift.title')}</h2>
      {effects.length === 0 ? (
        <p className="notice">{t('empty.effects')}</p>
      ) : (
        <>
          <p className="quiet">{t('lift.note')}</p>
          {metrics.slice(0, 1).map((metric) => (
            <LiftChart key={metric} metric={metric} currency={currency}
                       effects={effects.filter((e) => e.metric === metric)} />
          ))}
          <DataTable
            name="effects"
            caption={t('lift.title')}
            columns={[{title: t('column.arm')}, {title: t('column.metric')},
                      {title: t('column.difference'), numeric: true},
                      {title: t('column.interval'), numeric: true}, {title: t('column.p'), numeric: true}]}
            rows={effects.map((effect) => ({
              key: `${effect.arm}/${effect.metric}`,
              cells: [
                effect.arm, effect.metric,
                isClear(effect) ? <strong>{formatDifference(effect.metric, effect.difference, currency)}</strong>
                                : formatDifference(effect.metric, effect.difference, currency),
                <>
                  <span className="whole">{formatDifference(effect.metric, effect.low, currency)} …</span>{' '}
                  <span className="whole">{formatDifference(effect.metric, effect.high, currency)}</span>
                </>,
                formatP(effect.pValue),
              ],
            }))}
          />
        </>
      )}
      {props.report.incrementalProfitMinorUnits !== undefined && (
        <p data-figure="profit">
          {t('lift.profit', {
            amount: formatMinorUnits(props.report.incrementalProfitMinorUnits, currency),
            cost: formatMinorUnits(Number(props.report.costMinorUnits), currency),
          })}
        </p>
      )}
    </section>
  );
}

function LiftChart(props: {metric: string; currency: string; effects: Effect[]}) {
  const {effects, metric, currency} = props;
  const option = useMemo(
    () => ({
      grid: {left: 110, right: 30, top: 10, bottom: 40},
      xAxis: {type: 'value', name: metric, nameLocation: 'middle', nameGap: 25,
              axisLabel: {hideOverlap: true, formatter: (size: number) => formatDifference(metric, size, currency)}},
      yAxis: {type: 'category', inverse: true, data: effects.map((effect) => effect.arm)},
      series: [
        {
          type: 'custom',
          data: effects.map((effect, i) => [i, effect.low, effect.high]),
          encode: {y: 0, x: [1, 2]},
          renderItem: (_: unknown, api: {value: (i: number) => number; coord: (p: number[]) => number[]}) => {
            const [x1 = 0, y = 0] = api.coord([api.value(1), api.value(0)]);
            const [x2 = 0] = api.coord([api.value(2), api.value(0)]);
            return {type: 'line', shape: {x1, y1: y, x2, y2: y}, style: {stroke: '#2f81c7', lineWidth: 3}};
          },
        },
        {
          type: 'scatter',
          symbolSize: 11,
          itemStyle: {color: '#2f81c7'},
          data: effects.map((effect, i) => [effect.difference, i]),
          // No difference: what an interval must not hold.
          markLine: {data: [{xAxis: 0}], symbol: 'none', silent: true, label: {show: false},
                     lineStyle: {color: '#808a94', type: 'dashed'}},
        },
      ],
    }),
    [effects, metric, currency],
  );
  return <Chart option={option} label={metric} height={60 + 45 * effects.length} />;
}
