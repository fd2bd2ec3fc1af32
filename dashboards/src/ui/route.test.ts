import {expect, test} from 'vitest';

import {hrefOf, parsePlace} from './route';

test('a place is read back from its address', () => {
  for (const place of [{campaign: null, cycle: 0}, {campaign: 'campaigns/winback', cycle: 0},
                       {campaign: 'campaigns/spring-2.a', cycle: 12}]) {
    expect(parsePlace(hrefOf(place))).toEqual(place);
  }
});

test('an address that names nothing known shows the campaigns', () => {
  for (const hash of ['', '#', '#/nothing', '#/campaigns/../x', '#/campaigns/A b']) {
    expect(parsePlace(hash).campaign).toBeNull();
  }
  expect(parsePlace('#/campaigns/x?cycle=-1').cycle).toBe(0);
});
