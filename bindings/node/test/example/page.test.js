'use strict'
// The page, driven in Chromium as by a user. Its pictures are there to be looked at.
const fs = require('node:fs')
const path = require('node:path')
const { chromium } = require('playwright-core')
const { Server, assert, test, HANG_MS, ROOT } = require('./support')

const PICTURES = path.join(ROOT, 'build', 'tests', 'node')
const CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium'
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']

// Runs body(page, server, told) with a page of its own; `told` is what its console had to say, and what it has asked
// of others than the server.
function check (name, options, body) {
  test(name, { timeout: HANG_MS }, async t => {
    const server = await Server.start(t)
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    t.after(() => browser.close())
    const page = await browser.newPage(options)
    page.setDefaultTimeout(HANG_MS / 2) // before the test's own, as it says what it waits for
    const told = []
    page.on('console', message => told.push(message.text()))
    page.on('pageerror', error => told.push(String(error)))
    page.on('request', request => { if (!request.url().startsWith(server.url)) told.push(request.url()) })
    await page.goto(server.url)
    await body(page, server, told)
  })
}

async function picture (page, name) {
  fs.mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true })
}

const holds = (page, selector, text) => page.locator(selector, { hasText: text }).first().waitFor()
const bars = (page, kind = '') => page.locator(`#strip li${kind}`).count()
const atLeast = (page, selector, n) => page.locator(`${selector} >> nth=${n - 1}`).waitFor({ state: 'attached' })
const isFitting = page => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)

const desktop = { viewport: { width: 1100, height: 800 }, colorScheme: 'light' }
const phone = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }

check('search_is_answered_while_the_report_runs', desktop, async (page, server, told) => {
  await atLeast(page, '#strip li', 60)
  await page.locator('#run').click()
  await atLeast(page, '#strip .busy:not(.waiting)', 10)
  await page.locator('#query').pressSequentially('örebr', { delay: 20 })
  await holds(page, '#found li', 'Örebro Sweden')
  assert.ok(await page.locator('#cancel').isEnabled(), 'the report has ended before')
  await holds(page, '#report-note', /^38,483,412 pairs in .* small requests were answered/)
  assert.deepEqual(await page.locator('#report tbody tr').first().locator('td').allTextContents(),
    ['Honolulu United States', '350,964', '3,848', 'Daly City'])
  assert.equal(await page.locator('#report tbody tr').count(), 12)
  assert.equal(await bars(page, '.failed'), 0)
  await page.locator('#query').fill('san')
  await holds(page, '#found li', 'Santiago')
  await atLeast(page, '#strip .busy ~ li:not(.busy)', 20)
  await picture(page, 'page')
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, 'page-dark')
  assert.ok(await isFitting(page))
  assert.deepEqual(told, [])
})

check('a_report_is_cancelled', phone, async (page, server, told) => {
  await page.locator('#people').selectOption('15000')
  await page.locator('#run').click()
  await holds(page, '#report-note', 'of 33,961 cities')
  await atLeast(page, '#strip li', 60)
  await picture(page, 'page-phone')
  assert.ok(await isFitting(page))
  await page.locator('#cancel').click()
  await holds(page, '#report-note', 'Cancelled after')
  while ((await server.json('status')).outstanding.reports > 0);
  // And another one begins.
  await page.locator('#people').selectOption('500000')
  await page.locator('#run').click()
  await holds(page, '#report-note', '1,398,306 pairs')
  assert.deepEqual(told, [])
})

check('what_is_typed_first_is_not_what_is_shown_last', desktop, async page => {
  for (const text of ['a', 'vienna', '', 'z', 'reykja']) await page.locator('#query').fill(text)
  await holds(page, '#found li', 'Reykjavík Iceland')
  assert.match(await page.locator('#found').innerText(), /^Reykjav/)
  await page.locator('#query').fill('')
  await page.locator('#found li').waitFor({ state: 'detached' })
})

check('it_ends_while_a_page_is_open', desktop, async (page, server) => {
  await page.locator('#people').selectOption('15000')
  await page.locator('#run').click()
  await atLeast(page, '#strip .busy', 20)
  await server.stopsBy('SIGTERM')
  await atLeast(page, '#strip .failed', 5)
  assert.ok(await page.locator('#run').isEnabled())
})
