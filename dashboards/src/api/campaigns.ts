// Hooks for campaigns, their cycles and their reports.
import {useQuery} from '@tanstack/react-query';

import {isNotFound, get} from './client';
import {ListCampaignsResponseSchema, ListCyclesResponseSchema} from './gen/rondo/campaign/v1/campaign_service_pb';
import {CampaignReportSchema} from './gen/rondo/insight/v1/report_pb';
import {allPages, pageOf} from './pages';

export const REFRESH_MS = 2000;

// What is not there is `null`, not an error.
async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

export function useCampaigns() {
  return useQuery({
    queryKey: ['campaigns'],
    queryFn: async () => {
      const read = (token: string) => get(ListCampaignsResponseSchema, pageOf('/api/v1/campaigns', token));
      return {campaigns: await allPages(read, page => page.campaigns)};
    },
    refetchInterval: REFRESH_MS,
  });
}

// `null`: no such campaign is defined here; it may still have a report, as an imported one.
export function useCycles(campaign: string) {
  return useQuery({
    queryKey: ['cycles', campaign],
    queryFn: () => {
      const read = (token: string) => get(ListCyclesResponseSchema, pageOf(`/api/v1/${campaign}/cycles`, token));
      return orNull(allPages(read, page => page.cycles).then(cycles => ({cycles})));
    },
    refetchInterval: REFRESH_MS,
  });
}

// Cycle 0 is all cycles together. `null`: there is none yet.
export function useReport(campaign: string, cycle: number) {
  return useQuery({
    queryKey: ['report', campaign, cycle],
    queryFn: () => orNull(get(CampaignReportSchema, `/api/v1/${campaign}/report?cycle=${cycle}`)),
    refetchInterval: REFRESH_MS,
  });
}
