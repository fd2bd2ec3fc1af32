import {expect, test} from 'vitest';

import {formatCount, formatTime, groupWarnings} from './words';

test('counts are grouped by thousands, also those of 64 bits', () => {
  expect(formatCount(35313)).toBe('35,313');
  expect(formatCount(9_007_199_254_740_993n)).toBe('9,007,199,254,740,993');
});

test('times are UTC, to the minute or to the second', () => {
  const time = new Date('2026-11-27T23:45:40.890+02:00');
  expect(formatTime(time)).toBe('2026-11-27 21:45 UTC');
  expect(formatTime(time, true)).toBe('2026-11-27 21:45:40 UTC');
});

test('a warning of each cycle becomes one, from the first time to the last', () => {
  const open = (cycle: number) =>
    `cycle ${cycle}: response windows are open until 2026-12-0${cycle}T10:00:00.890744+00:00; not final`;
  expect(groupWarnings([open(1)])).toEqual(
    ['cycle 1: response windows are open until 2026-12-01 10:00 UTC; not final']);
  expect(groupWarnings([1, 2, 3, 4, 5].map(open))).toEqual(
    ['cycle 1; cycle 2; cycle 3 and 2 more: response windows are open until ' +
     '2026-12-01 10:00 UTC … 2026-12-05 10:00 UTC; not final']);
});

test('warnings of other wordings stay apart, in their order', () => {
  expect(groupWarnings(['a, x: 0 are too few', 'no control cell', 'b, x: 0 are too few', 'a, x: 1 are too few']))
    .toEqual(['a, x; b, x: 0 are too few', 'no control cell', 'a, x: 1 are too few']);
});
