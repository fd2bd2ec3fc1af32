// The frame around every page.
import {useTranslation} from 'react-i18next';

import {CampaignPage} from './features/campaigns/campaign_page';
import {CampaignsPage} from './features/campaigns/campaigns_page';
import {hrefOf, usePlace} from './ui/route';

export function App() {
  const {t} = useTranslation();
  const place = usePlace();
  return (
    <>
      <a className="skip" href="#main">{t('skip')}</a>
      <header>
        <a className="brand" href={hrefOf({campaign: null, cycle: 0})}>{t('title')}</a>
        <nav aria-label={t('nav')}><a href={hrefOf({campaign: null, cycle: 0})}>{t('campaigns')}</a></nav>
      </header>
      <main id="main">
        {place.campaign === null ? <CampaignsPage /> : <CampaignPage campaign={place.campaign} cycle={place.cycle} />}
      </main>
    </>
  );
}
