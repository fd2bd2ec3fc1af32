// Hooks for campaigns, their cycles and their reports.
import {useQuery} from '@tanstack/react-query';

import {ApiError, get} from './client';
import {ListCampaignsResponseSchema, ListCyclesResponseSchema} from './gen/rondo/campaign/v1/campaign_service_pb';
import {CampaignReportSchema} from './gen/rondo/insight/v1/report_pb';
import {allPages, pageOf} from './pages';

export const REFRESH_MS = 2000;

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

export function useCycles(campaign: string) {
  return useQuery({
    queryKey: ['cycles', campaign],
    queryFn: async () => {
      const read = (token: string) => get(ListCyclesResponseSchema, pageOf(`/api/v1/${campaign}/cycles`, token));
      return {cycles: await allPages(read, page => page.cycles)};
    },
    refetchInterval: REFRESH_MS,
  });
}

// Cycle 0 is all cycles together. No report yet is `null`, not an error.
export function useReport(campaign: string, cycle: number) {
  return useQuery({
    queryKey: ['report', campaign, cycle],
    queryFn: async () => {
      try {
        return await get(CampaignReportSchema, `/api/v1/${campaign}/report?cycle=${cycle}`);
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
    refetchInterval: REFRESH_MS,
  });
}
