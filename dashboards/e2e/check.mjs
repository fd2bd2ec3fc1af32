// Opens the dashboards of a running rondo in real headless Chromium and compares each number shown
// with the REST API's. Usage: node check.mjs HOST:PORT CAMPAIGN SCREENSHOT_FOLDER
import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {chromium} from 'playwright-core';

const [address, campaign, screenshots] = process.argv.slice(2);
const base = `http://${address}`;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function api(path) {
  const response = await fetch(base + path);
  assert.equal(response.status, 200, path);
  return response.json();
}

const numberOf = (text) => Number(text.replaceAll(/[^0-9.-]/g, ''));

async function rowsOf(page, table) {
  return page.$$eval(`[data-table="${table}"] tr[data-row]`, (rows) =>
    Object.fromEntries(rows.map((row) => [
      row.dataset.row,
      {
        cells: [...row.children].map((cell) => cell.textContent ?? ''),
        value: row.querySelector('[data-value]')?.getAttribute('data-value') ?? null,
      },
    ])));
}

async function checkAccessibility(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  const serious = found.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes[0]?.html}`), [], where);
}

async function checkCampaigns(page) {
  await page.goto(`${base}/#/`);
  await page.waitForSelector(`[data-row="${campaign}"]`);
  const {campaigns} = await api('/api/v1/campaigns');
  const shown = await page.$$eval('tr[data-row]', (rows) => rows.map((row) => row.dataset.row));
  assert.deepEqual(shown, campaigns.map((c) => c.name));
  for (const {name, version, approvedVersion} of campaigns) {
    const state = await page.textContent(`[data-row="${name}"] td`);
    const waits = Number(approvedVersion ?? 0) > 0 && approvedVersion !== version;
    assert.equal(state.endsWith(`version ${version} waits for approval`), waits, `${name}: ${state}`);
  }
  await page.waitForSelector('[data-figure="waiting"]');
  const status = await api('/api/v1/delivery:status');
  for (const name of ['waiting', 'ready', 'inFlight', 'inDoubt']) {
    const text = await page.textContent(`[data-figure="${name}"] strong`);
    assert.equal(numberOf(text), Number(status[name] ?? 0), name);
  }
  await checkAccessibility(page, 'campaigns');
  await page.screenshot({path: join(screenshots, 'campaigns.png'), fullPage: true});
}

async function checkCampaign(page) {
  await page.click(`[data-row="${campaign}"] a`);
  await page.waitForSelector('[data-table="arms"] tr[data-row]');
  await page.selectOption('select', '1');
  await page.waitForFunction(() => location.hash.endsWith('cycle=1'));
  const report = await api(`/api/v1/${campaign}/report?cycle=1`);
  const n = report.arms.reduce((sum, arm) => sum + Number(arm.n), 0);
  await page.waitForFunction((want) => document.body.textContent?.includes(`n = ${want} customers`),
                             n.toLocaleString('en'));
  const funnel = await rowsOf(page, 'funnel');
  for (const step of ['planned', 'sent', 'delivered', 'opened', 'clicked', 'converted', 'bounced',
                      'inDoubt', 'unsubscribed', 'complained']) {
    assert.equal(numberOf(funnel[step].cells[1]), Number(report.funnel[step] ?? 0), step);
  }
  const suppressed = (report.funnel.suppressed ?? []).reduce((sum, row) => sum + Number(row.count), 0);
  assert.equal(numberOf(funnel.suppressed.cells[1]), suppressed, 'suppressed');
  const arms = await rowsOf(page, 'arms');
  for (const arm of report.arms) {
    for (const mean of arm.means) {
      const row = arms[`${arm.arm}/${mean.metric}`];
      assert.equal(numberOf(row.cells[1]), Number(arm.n), `${arm.arm} n`);
      assert.equal(Number(row.value), mean.mean ?? 0, `${arm.arm} ${mean.metric}`);
    }
  }
  const effects = await rowsOf(page, 'effects');
  for (const effect of report.effects) {
    assert.equal(Number(effects[`${effect.arm}/${effect.metric}`].value), effect.difference ?? 0);
  }
  const profit = page.locator('[data-figure="profit"]');
  assert.equal(Number(await profit.getAttribute('data-value')), report.incrementalProfitMinorUnits);
  const euros = new Intl.NumberFormat('en', {style: 'currency', currency: report.currency});
  const said = (await profit.textContent()) ?? '';
  for (const minorUnits of [Math.abs(report.incrementalProfitMinorUnits), Number(report.costMinorUnits)]) {
    assert.ok(said.includes(euros.format(minorUnits / 100)), said);
  }
  await checkAccessibility(page, 'campaign');
  await page.screenshot({path: join(screenshots, 'campaign.png'), fullPage: true});
  return Object.keys(funnel).length + Object.keys(arms).length + Object.keys(effects).length;
}

const profile = mkdtempSync(join(tmpdir(), 'rondo-browser-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', '--no-first-run'],
  viewport: {width: 1200, height: 900},
});
try {
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await checkCampaigns(page);
  const compared = await checkCampaign(page);
  assert.deepEqual(errors, []);
  console.log(`dashboards: ${compared} rows equal the API's`);
} finally {
  await context.close();
  rmSync(profile, {recursive: true, force: true});
}
