// What the page does. Everything it knows comes from the server, by small requests and one long one.

const BEAT_MS = 50
const STATUS_MS = 500
const SHOWN = 256 // requests in the strip

const $ = selector => document.querySelector(selector)
const whole = new Intl.NumberFormat('en')
const milliseconds = time => `${time.toFixed(1)} ms`

async function ask (address, signal) {
  const response = await fetch(address, { signal })
  if (response.ok) return response
  const { error } = await response.json()
  throw new Error(error)
}

function element (name, className, ...content) {
  const made = document.createElement(name)
  made.className = className
  made.append(...content)
  return made
}

// ---- The pulse ----

let isReporting = false
let answered = 0
const times = [] // of the requests in the strip, in milliseconds

function addBar () {
  const bar = element('li', isReporting ? 'busy waiting' : 'waiting')
  const strip = $('#strip')
  strip.append(bar)
  if (strip.children.length > SHOWN) strip.firstChild.remove()
  return bar
}

// Sent whether or not the one before was answered: a server that stops is seen to stop.
async function beat () {
  const bar = addBar()
  const began = performance.now()
  try {
    const city = await (await ask('/random')).json()
    const time = performance.now() - began
    bar.style.setProperty('--ms', time.toFixed(2))
    times.push(time)
    if (times.length > SHOWN) times.shift()
    if (answered++ % 20 === 0) $('#city').textContent = `${city.name}, ${city.country}`
  } catch {
    bar.classList.add('failed')
  }
  bar.classList.remove('waiting')
}

async function showStatus () {
  const sorted = times.toSorted((a, b) => a - b)
  $('#answered').textContent = whole.format(answered)
  if (sorted.length) {
    $('#median').textContent = milliseconds(sorted[sorted.length >> 1])
    $('#slowest').textContent = milliseconds(sorted.at(-1))
  }
  const { longestPause } = await (await ask('/status')).json()
  $('#pause').textContent = milliseconds(longestPause)
}

// ---- The search ----

let searching = new AbortController()
let asked = 0
let dropped = 0

function showFound (cities) {
  $('#found').replaceChildren(...cities.map(({ name, country, population }) => {
    const place = element('span', 'place', country)
    return element('li', '', element('span', '', name, ' ', place), whole.format(population))
  }))
}

async function search () {
  searching.abort()
  const { signal } = searching = new AbortController()
  const text = $('#query').value.trim()
  if (!text) return showFound([])
  const began = performance.now()
  asked++
  try {
    const cities = await (await ask(`/search?q=${encodeURIComponent(text)}`, signal)).json()
    const time = milliseconds(performance.now() - began)
    showFound(cities)
    $('#search-note').textContent = `Answered in ${time}. Asked ${asked} times, dropped ${dropped}.`
  } catch (error) {
    if (signal.aborted) dropped++
    else $('#search-note').textContent = error.message
  }
}

// ---- The report ----

let reporting = new AbortController()

// Lines of JSON, as they come.
async function * lines (response) {
  let rest = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()
    for (const part of parts) yield JSON.parse(part)
  }
}

function showReport ({ done, total, loneliest }) {
  $('#progress').value = done / total
  $('#report table').hidden = false
  const row = ({ name, country, population, neighbour, km }) => element('tr', '',
    element('td', '', name, ' ', element('span', 'place', country)),
    element('td', 'people', whole.format(population)),
    element('td', 'km', whole.format(Math.round(km))),
    element('td', 'place', neighbour))
  $('#report tbody').replaceChildren(...loneliest.map(row))
}

const seconds = began => `${((performance.now() - began) / 1000).toFixed(1)} s`

function setReporting (value) {
  isReporting = value
  $('#run').disabled = $('#people').disabled = value
  $('#cancel').disabled = !value
}

async function report () {
  const { signal } = reporting = new AbortController()
  const began = performance.now()
  const answeredBefore = answered
  const note = $('#report-note')
  setReporting(true)
  try {
    let line
    for await (line of lines(await ask(`/report?people=${$('#people').value}`, signal))) {
      showReport(line)
      note.textContent = `${whole.format(line.done)} of ${whole.format(line.total)} cities, ${seconds(began)}`
    }
    note.textContent = `${whole.format(line.total * (line.total - 1))} pairs in ${seconds(began)}. Meanwhile ` +
      `${whole.format(answered - answeredBefore)} small requests were answered, and the loop’s longest pause was ` +
      `${milliseconds(line.longestPause)}.`
  } catch (error) {
    note.textContent = signal.aborted ? `Cancelled after ${seconds(began)}.` : error.message
  }
  setReporting(false)
}

$('#query').addEventListener('input', search)
$('#report form').addEventListener('submit', event => {
  event.preventDefault()
  report()
})
$('#cancel').addEventListener('click', () => reporting.abort())
setInterval(beat, BEAT_MS)
setInterval(() => showStatus().catch(() => {}), STATUS_MS)
