import {expect, test} from 'vitest';

import {formatDifference, formatMean, formatP, isMoney, shortName} from './figures';

test('shares are shown in percent and differences in percentage points', () => {
  expect(formatMean('bought', 0.14678, 'USD')).toBe('14.68 %');
  expect(formatDifference('bought', -0.0049, 'USD')).toBe('−0.49 pp');
});

test('money metrics read as money of their currency', () => {
  expect(isMoney('bought.value')).toBe(true);
  expect(formatMean('bought.value', 1.05091, 'USD')).toBe('$1.0509');
  expect(formatDifference('bought.value', 0.5, 'EUR')).toBe('+€0.5000');
});

test('a difference that rounds to nothing has no sign', () => {
  expect(formatDifference('bought', -0.00004, 'EUR')).toBe('0.00 pp');
  expect(formatDifference('bought.value', 0.00001, 'EUR')).toBe('€0.0000');
});

test('small p-values are bounded, not rounded to nothing', () => {
  expect(formatP(0.00001)).toBe('< 0.0001');
  expect(formatP(0.0123)).toBe('0.0123');
});

test('a short name has no collection', () => expect(shortName('campaigns/winback')).toBe('winback'));
