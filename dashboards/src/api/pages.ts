// Lists of the REST API come in pages; a view shows all of them.

export const PAGE_SIZE = 1000;

// The items of all pages in order. `read` gets the token of the page to read: '' for the first.
export async function allPages<Page extends {nextPageToken: string}, Item>(
    read: (token: string) => Promise<Page>, itemsOf: (page: Page) => Item[]): Promise<Item[]> {
  const items: Item[] = [];
  let token = '';
  do {
    const page = await read(token);
    items.push(...itemsOf(page));
    token = page.nextPageToken;
  } while (token !== '');
  return items;
}

// `path` of one page, which it asks for by its token.
export function pageOf(path: string, token: string): string {
  return `${path}?pageSize=${PAGE_SIZE}&pageToken=${encodeURIComponent(token)}`;
}
