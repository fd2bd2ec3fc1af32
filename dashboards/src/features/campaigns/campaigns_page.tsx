// All campaigns, and what delivery is doing now.
import {useTranslation} from 'react-i18next';

import {useCampaigns} from '../../api/campaigns';
import {useDeliveryStatus} from '../../api/delivery';
import type {Campaign} from '../../api/gen/rondo/campaign/v1/campaign_pb';
import {Loaded} from '../../ui/load_state';
import {hrefOf} from '../../ui/route';
import {DataTable} from '../../ui/table';
import {formatCount} from '../../ui/words';
import {shortName} from './figures';

export function CampaignsPage() {
  const {t} = useTranslation();
  const campaigns = useCampaigns();
  return (
    <>
      <h1>{t('campaigns')}</h1>
      <DeliveryNow />
      <section>
        <Loaded query={campaigns}>
          {(list) =>
            list.campaigns.length === 0 ? (
              <p className="notice">{t('empty.campaigns')}</p>
            ) : (
              <DataTable
                name="campaigns"
                caption={t('campaigns')}
                columns={[{title: t('column.name')}, {title: t('column.state')},
                          {title: t('column.cycle'), numeric: true}, {title: t('column.programme')}]}
                rows={list.campaigns.map((campaign) => ({
                  key: campaign.name,
                  cells: [
                    <a href={hrefOf({campaign: campaign.name, cycle: 0})}>{shortName(campaign.name)}</a>,
                    <State campaign={campaign} />,
                    campaign.currentCycle,
                    campaign.programme,
                  ],
                }))}
              />
            )
          }
        </Loaded>
      </section>
    </>
  );
}

// A launched campaign whose newest content nobody has approved begins no cycle: that is to be seen.
function State(props: {campaign: Campaign}) {
  const {t} = useTranslation();
  const {approvedVersion, state, version} = props.campaign;
  const waits = approvedVersion !== 0n && approvedVersion !== version;
  return <>{t(`state.${state}`)}{waits && <>, <strong>{t('waitsForApproval', {version})}</strong></>}</>;
}

function DeliveryNow() {
  const {t} = useTranslation();
  const status = useDeliveryStatus();
  return (
    <section aria-live="polite">
      <h2>{t('live.title')}</h2>
      <Loaded query={status}>
        {(now) => (
          <div className="tiles">
            {(['waiting', 'ready', 'inFlight', 'inDoubt'] as const).map((name) => (
              <div className="tile" key={name} data-figure={name}>
                <strong>{formatCount(now[name])}</strong>
                {t(`live.${name}`)}
              </div>
            ))}
          </div>
        )}
      </Loaded>
    </section>
  );
}
