import {expect, test} from 'vitest';

import engine from '../../../platform/core/money.cc?raw';
import {formatMinorUnits, formatMoney, minorUnitDigits} from './money';

test('minor units become amounts as the currency writes them', () => {
  expect(formatMinorUnits(-178_432.4, 'EUR')).toBe('−€1,784.32');
  expect(formatMinorUnits(178_432, 'KRW')).toBe('₩178,432');
  expect(formatMinorUnits(1_500, 'KWD').replace(/\s/u, ' ')).toBe('KWD 1.500');
});

test('means keep more places, and what rounds to nothing has no sign', () => {
  expect(formatMoney(1.05091, 'USD', 2)).toBe('$1.0509');
  expect(formatMoney(-0.00001, 'USD', 2)).toBe('$0.0000');
});

test('without a currency an amount is a plain number', () => expect(formatMoney(1234.5, '')).toBe('1,234.50'));

test('the places of currencies are those of the engine', () => {
  const [none = '', three = ''] = [...engine.matchAll(/Decimals = \{([^}]*)\}/g)].map((found) => found[1]);
  const codes = (list: string) => [...list.matchAll(/"([A-Z]{3})"/g)].map((found) => found[1] ?? '');
  expect(codes(none).length).toBeGreaterThan(10);
  expect(codes(none).map(minorUnitDigits)).toEqual(codes(none).map(() => 0));
  expect(codes(three).map(minorUnitDigits)).toEqual(codes(three).map(() => 3));
});
