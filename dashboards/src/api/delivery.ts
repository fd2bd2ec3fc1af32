// Hook for what delivery is doing now.
import {useQuery} from '@tanstack/react-query';

import {REFRESH_MS} from './campaigns';
import {get} from './client';
import {DeliveryStatusSchema} from './gen/rondo/delivery/v1/delivery_service_pb';

export function useDeliveryStatus() {
  return useQuery({
    queryKey: ['delivery'],
    queryFn: () => get(DeliveryStatusSchema, '/api/v1/delivery:status'),
    refetchInterval: REFRESH_MS,
  });
}
