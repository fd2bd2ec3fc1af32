import {expect, test} from 'vitest';

import {allPages, pageOf} from './pages';

test('a list of several pages is read to its end', async () => {
  const pages = new Map([
    ['', {items: [1, 2], nextPageToken: 'a'}],
    ['a', {items: [], nextPageToken: 'b'}],
    ['b', {items: [3], nextPageToken: ''}],
  ]);
  const asked: string[] = [];
  const read = async (token: string) => {
    asked.push(token);
    return pages.get(token)!;
  };
  expect(await allPages(read, page => page.items)).toEqual([1, 2, 3]);
  expect(asked).toEqual(['', 'a', 'b']);
});

test('a token is passed on as it came', () =>
  expect(pageOf('/api/v1/campaigns', 'a+/=')).toBe('/api/v1/campaigns?pageSize=1000&pageToken=a%2B%2F%3D'));
