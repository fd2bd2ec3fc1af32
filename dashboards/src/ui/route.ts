// The place shown lives in the URL: `#/` and `#/campaigns/NAME?cycle=2`.
import {useSyncExternalStore} from 'react';

export interface Place {
  campaign: string | null;  // Resource name.
  cycle: number;            // 0: all together.
}

export function parsePlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const cycle = Number(new URLSearchParams(query).get('cycle') ?? '0');
  const campaign = /^campaigns\/[a-z0-9._-]+$/.test(path) ? path : null;
  return {campaign, cycle: Number.isInteger(cycle) && cycle > 0 ? cycle : 0};
}

export function hrefOf(place: Place): string {
  if (place.campaign === null) return '#/';
  return `#/${place.campaign}${place.cycle > 0 ? `?cycle=${place.cycle}` : ''}`;
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange);
  return () => window.removeEventListener('hashchange', onChange);
}

export function usePlace(): Place {
  return parsePlace(useSyncExternalStore(subscribe, () => window.location.hash));
}
