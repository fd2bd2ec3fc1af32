// Opens the dashboards of a running rondo in real headless Chromium and compares the text of each figure
// with what the REST API's number reads as. There must be `campaigns/unlaunched`, which nobody launched. Usage: node check.mjs HOST:PORT CAMPAIGN SCREENSHOT_FOLDER
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

// How the API's figures read, in this file's own few lines: the application's formatting is not used.
const countOf = (n) => String(n ?? 0).replaceAll(/\B(?=(\d{3})+$)/g, ',');
const percent = (share, digits) => `${((share ?? 0) * 100).toFixed(digits)} %`;
// A decimal's fixed places, halves away from zero, as money is rounded.
const places = (size, digits) => Number(`${Math.round(Number(`${size}e${digits}`))}e-${digits}`).toFixed(digits);
function euros(amount, digits) {
  const [whole, cents] = places(Math.abs(amount ?? 0), digits).split('.');
  return `€${countOf(whole)}.${cents}`;
}
const isMoney = (metric) => metric.endsWith('.value');
const meanOf = (metric, mean) => (isMoney(metric) ? euros(mean, 4) : percent(mean, 2));
function differenceOf(metric, difference) {
  const text = isMoney(metric) ? euros(difference, 4) : `${(Math.abs(difference ?? 0) * 100).toFixed(2)} pp`;
  if (!/[1-9]/.test(text)) return text;
  return `${difference > 0 ? '+' : '−'}${text}`;
}
const pOf = (p) => ((p ?? 0) < 0.0001 ? '< 0.0001' : p.toFixed(4));
const minuteOf = (time) => `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;

// The text of every cell of a table, by row.
async function rowsOf(page, table) {
  return page.$$eval(`[data-table="${table}"] tr[data-row]`, (rows) =>
    Object.fromEntries(rows.map((row) => [
      row.dataset.row, [...row.children].map((cell) => cell.textContent ?? ''),
    ])));
}

// On a telephone nothing is cut off: neither page nor table is wider than its place.
async function checkNarrow(page, name) {
  await page.setViewportSize({width: 420, height: 900});
  const wide = await page.$$eval('html, .scroll', (boxes) =>
    boxes.filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.dataset.table ?? box.tagName));
  await page.screenshot({path: join(screenshots, `${name}-420.png`), fullPage: true});
  await page.setViewportSize({width: 1400, height: 900});
  assert.deepEqual(wide, [], name);
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
    assert.equal(await page.textContent(`[data-figure="${name}"] strong`), countOf(status[name]), name);
  }
  await checkAccessibility(page, 'campaigns');
  await page.screenshot({path: join(screenshots, 'campaigns.png'), fullPage: true});
  await checkNarrow(page, 'campaigns');
}

function expectedFunnel(report) {
  const {funnel} = report;
  const suppressed = funnel.suppressed ?? [];
  const sum = suppressed.reduce((all, row) => all + Number(row.count), 0);
  return {
    planned: ['Planned', countOf(funnel.planned)],
    suppressed: ['Suppressed', countOf(sum)],
    ...Object.fromEntries(suppressed.map(({reason, count}) => [
      `suppressed/${reason}`, [`for: ${reason.replaceAll('_', ' ')}`, countOf(count)]])),
    sent: ['Sent', countOf(funnel.sent)],
    delivered: ['Delivered', countOf(funnel.delivered)],
    opened: ['Opened', countOf(funnel.opened)],
    clicked: ['Clicked', countOf(funnel.clicked)],
    converted: ['Converted', countOf(funnel.converted)],
    bounced: ['Bounced', countOf(funnel.bounced)],
    inDoubt: ['In doubt', countOf(funnel.inDoubt)],
    unsubscribed: ['Unsubscribed', countOf(funnel.unsubscribed)],
    complained: ['Complained', countOf(funnel.complained)],
  };
}

const expectedArms = (report) => Object.fromEntries(report.arms.flatMap((arm) =>
  arm.means.map(({metric, mean}) => [
    `${arm.arm}/${metric}`, [arm.arm, countOf(arm.n), metric, meanOf(metric, mean)]])));

const expectedEffects = (report) => Object.fromEntries(report.effects.map((effect) => {
  const {arm, metric, difference, low, high, pValue} = effect;
  return [`${arm}/${metric}`, [
    arm, metric, differenceOf(metric, difference),
    `${differenceOf(metric, low)} … ${differenceOf(metric, high)}`, pOf(pValue)]];
}));

const expectedCycles = (cycles) => Object.fromEntries(cycles.map((cycle) => [String(cycle.number), [
  String(cycle.number), minuteOf(cycle.dueTime), countOf(cycle.targeted),
  cycle.shares.map(({cell, share}) => `${cell} ${percent(share, 1)}`).join(', '),
  (cycle.reasons ?? []).join('')]]));

async function checkCampaign(page) {
  await page.click(`[data-row="${campaign}"] a`);
  await page.waitForSelector('[data-table="arms"] tr[data-row]');
  await page.selectOption('select', '1');
  await page.waitForFunction(() => location.hash.endsWith('cycle=1'));
  const report = await api(`/api/v1/${campaign}/report?cycle=1`);
  assert.equal(report.currency, 'EUR');
  const n = report.arms.reduce((sum, arm) => sum + Number(arm.n), 0);
  await page.waitForFunction((want) => document.body.textContent?.includes(`UTC; n = ${want} customers`), countOf(n));
  const {cycles} = await api(`/api/v1/${campaign}/cycles`);
  const expected = {funnel: expectedFunnel(report), arms: expectedArms(report),
                    effects: expectedEffects(report), cycles: expectedCycles(cycles)};
  let compared = 0;
  for (const [table, rows] of Object.entries(expected)) {
    assert.ok(Object.keys(rows).length > 0, table);
    assert.deepEqual(await rowsOf(page, table), rows, table);
    compared += Object.keys(rows).length;
  }
  const profit = report.incrementalProfitMinorUnits;
  const sign = profit < 0 ? '−' : '';
  assert.equal(await page.textContent('[data-figure="profit"]'),
               `Incremental profit: ${sign}${euros(profit / 100, 2)}, after ` +
               `${euros(Number(report.costMinorUnits) / 100, 2)} that the contacts cost`);
  // The chart's bars are labelled as the table writes them.
  assert.ok((await page.$$eval('svg text', (texts) => texts.map((text) => text.textContent)))
    .includes(expected.funnel.planned[1]), 'the funnel\'s first bar');
  // No time as a machine writes it.
  assert.doesNotMatch(await page.textContent('main'), /\d{4}-\d\d-\d\dT/);
  await checkAccessibility(page, 'campaign');
  await page.screenshot({path: join(screenshots, 'campaign.png'), fullPage: true});
  await checkNarrow(page, 'campaign');
  return compared;
}

// Where there are no figures the page says why: three cases, each with its own words.
async function checkAbsent(page) {
  for (const [place, words] of [
    ['campaigns/nobody', 'There is no campaign of the name nobody.'],
    [`${campaign}?cycle=99`, 'There is no cycle 99: of this campaign 1 have begun.'],
    ['campaigns/unlaunched', 'Nothing is planned yet.']]) {
    await page.goto(`${base}/#/${place}`);
    await page.waitForFunction((want) => document.querySelector('[data-figure="none"]')?.textContent?.startsWith(want),
                               words);
  }
}

const profile = mkdtempSync(join(tmpdir(), 'rondo-browser-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', '--no-first-run'],
  viewport: {width: 1400, height: 900},
});
try {
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await checkCampaigns(page);
  const compared = await checkCampaign(page);
  await checkAbsent(page);
  assert.deepEqual(errors, []);
  console.log(`dashboards: ${compared} rows equal the API's`);
} finally {
  await context.close();
  rmSync(profile, {recursive: true, force: true});
}
