// How figures are worded: pure, tested beside.
import type {CampaignReport, Effect} from '../../api/gen/rondo/insight/v1/report_pb';
import {formatMoney} from '../../ui/money';

// Of a mean per customer, beyond the currency's own.
const MEAN_DIGITS = 2;

export function shortName(resourceName: string): string {
  return resourceName.slice(resourceName.indexOf('/') + 1);
}

// A metric that counts money ends in `.value`; the others are shares of customers.
export function isMoney(metric: string): boolean {
  return metric.endsWith('.value');
}

export function formatMean(metric: string, mean: number, currency: string): string {
  if (isMoney(metric)) return formatMoney(mean, currency, MEAN_DIGITS);
  return `${(mean * 100).toFixed(2)} %`;
}

export function formatDifference(metric: string, difference: number, currency: string): string {
  const size = Math.abs(difference);
  const text = isMoney(metric) ? formatMoney(size, currency, MEAN_DIGITS) : `${(size * 100).toFixed(2)} pp`;
  // What rounds to nothing has no sign.
  if (!/[1-9]/.test(text)) return text;
  return `${difference > 0 ? '+' : '−'}${text}`;
}

// Of a cycle's plan.
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function formatP(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}

export function customersOf(report: CampaignReport): number {
  return report.arms.reduce((sum, arm) => sum + Number(arm.n), 0);
}

export function suppressedOf(report: CampaignReport): number {
  return (report.funnel?.suppressed ?? []).reduce((sum, row) => sum + Number(row.count), 0);
}

// An interval that does not hold 0.
export function isClear(effect: Effect): boolean {
  return effect.low > 0 || effect.high < 0;
}
