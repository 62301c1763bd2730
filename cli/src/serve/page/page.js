// The page of `tandem serve`. All that comes from files is put into the page as text, never as markup.

const STATES = ['live', 'stale', 'queued', 'done', 'failed', 'cancelled', 'unknown', 'empty', 'unreadable'];
/** Shown even if there are none. */
const USUAL = new Set(['live', 'done', 'failed']);
const GOES_ON = new Set(['live', 'stale']);
/** What an assistive reader is told at most, so that it can be heard. */
const ANNOUNCE_MS = 10_000;
const RENDER_MS = 200;
const TASKS_SUGGESTED = 50;
const BARS_MAX = 60;
const ENTRIES_SHOWN = 100;
const COLOURED_CHARS_MAX = 64 * 1024;

const byId = (id) => document.getElementById(id);

// Elements

function el(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (value !== undefined && value !== null) {
            element.setAttribute(key, value);
        }
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

function svg(name, attributes = {}, ...children) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) {
        element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
}

/** Each state has a shape, so that no colour is needed to tell them apart. */
const SIGNS = {
    live: [['circle', { cx: 8, cy: 8, r: 6.4, class: 'halo' }], ['circle', { cx: 8, cy: 8, r: 3.2, class: 'solid' }]],
    stale: [['path', { d: 'M8 2 15 14H1z' }], ['path', { d: 'M8 6.5v3.2M8 12v.1' }]],
    queued: [['circle', { cx: 8, cy: 8, r: 5.6 }], ['path', { d: 'M8 5v3.2l2 1.3' }]],
    done: [['path', { d: 'm2.5 8.5 3.6 3.7 7.4-8' }]],
    failed: [['path', { d: 'm3.5 3.5 9 9m0-9-9 9' }]],
    cancelled: [['circle', { cx: 8, cy: 8, r: 5.8 }], ['path', { d: 'm4 12 8-8' }]],
    unknown: [['path', { d: 'M5 5.6a3 3 0 1 1 4.3 2.7c-.9.5-1.3 1-1.3 1.9M8 13v.1' }]],
    empty: [['circle', { cx: 8, cy: 8, r: 5.6, 'stroke-dasharray': '2.2 3.2' }]],
    unreadable: [['path', { d: 'M4 1.8h6l3 3v9.4H4z' }], ['path', { d: 'm6.2 7.2 4 4m0-4-4 4' }]],
};

function sign(state) {
    const shapes = SIGNS[state] ?? SIGNS.unknown;
    return svg('svg', { viewBox: '0 0 16 16', class: 'sign', 'aria-hidden': 'true' },
        ...shapes.map(([name, attributes]) => svg(name, attributes)));
}

function stateOf(state) {
    return el('span', { class: 'state', 'data-own': state }, sign(state), el('span', { class: 'word' }, state));
}

/** What steers text or hides in it is written out. */
function plain(text) {
    return String(text).replace(
        /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
        (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`,
    );
}

/** The beginning of what should be a word, and may be anything. */
const short = (text, most = 24) => (text.length > most ? `${plain(text.slice(0, most))}…` : plain(text));

/** Output for people: without the codes that colour a terminal, and each line as it was left. */
function output(text) {
    return text
        .replace(/\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g, '')
        .split('\n')
        .map((line) => line.replace(/\r+$/, '').replace(/^.*\r/, ''))
        .map((line) => line.split('\t').map(plain).join('\t'))
        .join('\n');
}

// Times

/** How far this clock is from that of the server. */
let clockOffset = 0;
const now = () => Date.now() + clockOffset;
const parsed = (text) => {
    const at = text ? Date.parse(text) : NaN;
    return Number.isNaN(at) ? null : at;
};
const two = (number) => String(number).padStart(2, '0');

function span(ms) {
    if (ms === null || ms === undefined || Number.isNaN(ms)) {
        return '–';
    }
    const seconds = Math.floor(Math.max(ms, 0) / 1000);
    if (seconds < 10) {
        return `${(Math.max(ms, 0) / 1000).toFixed(1)} s`;
    }
    if (seconds < 60) {
        return `${seconds} s`;
    }
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) {
        return `${minutes} m ${two(seconds % 60)} s`;
    }
    const hours = Math.floor(minutes / 60);
    return hours < 24 ? `${hours} h ${two(minutes % 60)} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function age(ms) {
    const seconds = Math.floor(Math.max(ms, 0) / 1000);
    const [number, unit] = seconds < 60 ? [seconds, 's'] : seconds < 3600 ? [Math.floor(seconds / 60), 'm']
        : seconds < 86_400 ? [Math.floor(seconds / 3600), 'h'] : [Math.floor(seconds / 86_400), 'd'];
    return `${number} ${unit} ago`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** As short as it is clear, in the time zone of who looks. */
function moment(at) {
    const date = new Date(at);
    const today = new Date(now());
    const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
    if (date.toDateString() === today.toDateString()) {
        return `${clock}:${two(date.getSeconds())}`;
    }
    const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
    return date.getFullYear() === today.getFullYear() ? `${day} ${clock}` : `${day} ${date.getFullYear()}`;
}

function whole(at) {
    const date = new Date(at);
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `
        + `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function time(text, show = moment) {
    const at = parsed(text);
    return at === null ? el('span', {}, text ? short(text) : '–')
        : el('time', { datetime: text, title: `${whole(at)} here, ${plain(text)}` }, show(at));
}

function bytes(count) {
    const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
    let at = 0;
    let size = count;
    while (size >= 1024 && at < units.length - 1) {
        size /= 1024;
        at += 1;
    }
    return `${at === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[at]}`;
}

const counted = (count, one, more = `${one}s`) => `${count.toLocaleString('en')} ${count === 1 ? one : more}`;

// What is known

/** Runs by their key. A run that changes is a new object. */
let runs = new Map();
/** Those of a stream that tells all, until it has. */
let incoming = null;
let isReady = false;
let store = { away: null, note: null, place: '' };

const keyOf = (task, run) => `${task}/${run}`;
const order = new Map(STATES.map((state, at) => [state, at]));

function known(line) {
    const started = parsed(line.started_at);
    const completed = parsed(line.completed_at);
    return {
        ...line,
        key: keyOf(line.task, line.run),
        started,
        completed,
        heartbeat: parsed(line.heartbeat_at),
        text: `${line.task}\n${line.run}\n${line.detail ?? ''}`.toLowerCase(),
    };
}

/** How long a run has gone on; of one that went silent, up to its last sign of life. */
function took(run) {
    if (run.started === null) {
        return null;
    }
    if (run.completed !== null && !GOES_ON.has(run.state)) {
        return run.completed - run.started;
    }
    if (run.state === 'live') {
        return (store.away === null ? now() : store.since) - run.started;
    }
    return run.state === 'stale' && run.heartbeat !== null ? run.heartbeat - run.started : null;
}

function said(run) {
    const isTold = run.detail?.includes('exit code');
    // That a run which is done ended with 0 is no news, nor is a step of one that goes on.
    const isNews = run.exit_code !== undefined && !isTold && run.state !== 'live' && !(run.state === 'done' && run.exit_code === 0);
    const exit = isNews ? `exit ${run.exit_code}` : null;
    return [exit, run.detail].filter(Boolean).join(', ');
}

// The stream

let stream = null;
let mark = null;
let retry = null;

function connect() {
    clearTimeout(retry);
    stream?.close();
    const own = new EventSource(mark === null ? '/api/events' : `/api/events?after=${encodeURIComponent(mark)}`);
    stream = own;
    own.addEventListener('all', () => {
        incoming = new Map();
    });
    own.addEventListener('runs', (event) => {
        const news = JSON.parse(event.data);
        mark = event.lastEventId;
        const into = incoming ?? runs;
        for (const [task, run] of news.gone) {
            into.delete(keyOf(task, run));
        }
        for (const line of news.runs) {
            const run = known(line);
            if (incoming === null) {
                notice(runs.get(run.key), run);
            }
            into.set(run.key, run);
        }
        // What is first is shown at once, even if it is not all.
        if (incoming !== null && !isReady && runs.size === 0) {
            runs = incoming;
        }
        changed();
    });
    own.addEventListener('store', (event) => {
        const told = JSON.parse(event.data);
        clockOffset = (parsed(told.now) ?? Date.now()) - Date.now();
        const since = told.away === null ? null : store.since ?? now();
        store = { ...told, since };
        if (incoming !== null) {
            runs = incoming;
            incoming = null;
        }
        isReady = true;
        connection(store.away === null ? 'live' : 'away');
        changed();
    });
    own.addEventListener('error', () => {
        connection('reconnecting');
        // A refusal is the end of a stream, and a server that is not there is none for some browsers.
        if (own.readyState === EventSource.CLOSED && stream === own) {
            stream = null;
            clearTimeout(retry);
            retry = setTimeout(connect, 3000);
        }
    });
}

function disconnect() {
    clearTimeout(retry);
    stream?.close();
    stream = null;
}

const WORDS = { connecting: 'connecting', live: 'live', reconnecting: 'reconnecting', away: 'store away' };

function connection(state) {
    const shown = byId('connection');
    if (shown.dataset.state !== state) {
        shown.dataset.state = state;
        byId('connection-words').textContent = WORDS[state];
    }
    let says = '';
    if (state === 'away') {
        says = `The store cannot be reached: ${plain(store.away)}. What is shown is as of ${moment(store.since)}.`;
    } else if (state === 'live' && store.note) {
        says = `Some changes are shown a second late: ${plain(store.note)}.`;
    }
    const banner = byId('banner');
    banner.hidden = says === '';
    if (banner.textContent !== says) {
        banner.textContent = says;
    }
    byId('place').textContent = plain(store.place ?? '');
}

// A page that nobody sees has no one looking at files for it.
document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') {
        disconnect();
    } else if (stream === null) {
        connect();
    }
});
addEventListener('pagehide', disconnect);
addEventListener('pageshow', (event) => {
    if (event.persisted && stream === null) {
        connect();
    }
});

// What is said aloud

let announcedAt = 0;
let announcing = null;
const pending = { failed: [], stale: [] };

function notice(before, run) {
    if (before && before.state !== run.state && run.state in pending) {
        pending[run.state].push(run.task);
        announcing ??= setTimeout(announce, Math.max(0, announcedAt + ANNOUNCE_MS - Date.now()));
    }
}

function announce() {
    announcing = null;
    announcedAt = Date.now();
    const words = [];
    for (const [state, tasks] of Object.entries(pending)) {
        if (tasks.length > 0) {
            const what = tasks.length === 1 ? `a run of ${plain(tasks[0])}` : `${tasks.length} runs`;
            words.push(state === 'failed' ? `${what} failed` : `${what} went silent`);
            tasks.length = 0;
        }
    }
    say(words.join(', '));
}

function say(words) {
    byId('announcement').textContent = words;
}

// The list

const COLUMNS = [
    { id: 'state', name: 'State', by: (run) => order.get(run.state) ?? STATES.length },
    { id: 'task', name: 'Task', by: (run) => run.task },
    { id: 'run', name: 'Run', by: (run) => run.run },
    { id: 'started', name: 'Started', by: (run) => run.started, isDown: true },
    { id: 'took', name: 'Took', by: took, isDown: true, isNumber: true },
    { id: 'heartbeat', name: 'Heartbeat', by: (run) => run.heartbeat, isDown: true, isNumber: true },
    { id: 'detail', name: 'Detail', by: said },
];
const view = { search: '', task: '', states: new Set(), sort: 'started', isDown: true };
let shownRuns = [];
let current = null;
let isDirty = false;

const scroller = byId('scroller');
const body = byId('body');
const spacers = [0, 1].map(() => el('tr', { class: 'spacer', 'aria-hidden': 'true' }, el('td')));
/** The rows that are in the page, by the keys of their runs. */
const rows = new Map();

const rowHeight = () => parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--row')) || 38;
let height = rowHeight();

function makeHead() {
    const head = el('tr', { 'aria-rowindex': 1 });
    for (const column of COLUMNS) {
        const button = el('button', { type: 'button' }, column.name);
        button.addEventListener('click', () => {
            const isSame = view.sort === column.id;
            view.isDown = isSame ? !view.isDown : Boolean(column.isDown);
            view.sort = column.id;
            scroller.scrollTop = 0;
            remember();
            showList();
        });
        head.append(el('th', { scope: 'col', class: `in-${column.id}${column.isNumber ? ' number' : ''}`, 'data-column': column.id }, button));
    }
    byId('head').append(head);
    body.append(...spacers);
}

const chips = new Map();

function makeChips() {
    for (const state of STATES) {
        const count = el('span', { class: 'count' });
        const chip = el('button', { type: 'button', class: 'chip', 'data-own': state, 'aria-pressed': 'false' }, sign(state), el('span', {}, state), count);
        chip.addEventListener('click', () => {
            if (!view.states.delete(state)) {
                view.states.add(state);
            }
            scroller.scrollTop = 0;
            remember();
            showList();
            sayShown();
        });
        chips.set(state, { chip, count });
        byId('states').append(chip);
    }
}

function matches() {
    const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
    const task = view.task.trim();
    const isWhole = task !== '' && tasks().has(task);
    const found = [];
    for (const run of runs.values()) {
        const isOfTask = task === '' || (isWhole ? run.task === task : run.task.toLowerCase().includes(task.toLowerCase()));
        if (isOfTask && words.every((word) => run.text.includes(word))) {
            found.push(run);
        }
    }
    return found;
}

let taskCounts = null;

function tasks() {
    if (taskCounts === null) {
        taskCounts = new Map();
        for (const run of runs.values()) {
            taskCounts.set(run.task, (taskCounts.get(run.task) ?? 0) + 1);
        }
    }
    return taskCounts;
}

function sorted(found) {
    const { by } = COLUMNS.find((column) => column.id === view.sort);
    const keyed = found.map((run) => ({ run, by: by(run) }));
    const way = view.isDown ? -1 : 1;
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    keyed.sort((a, b) => {
        // What has none comes last, whichever way.
        const isNone = (value) => value === null || value === undefined || value === '';
        const none = isNone(a.by) - isNone(b.by);
        return none || (isNone(a.by) ? 0 : way * compare(a.by, b.by))
            || compare(b.run.started ?? 0, a.run.started ?? 0) || compare(a.run.key, b.run.key);
    });
    return keyed.map(({ run }) => run);
}

/** Works out which runs are shown, in which order, and shows them. */
function showList() {
    isDirty = false;
    const found = matches();
    const counts = new Map();
    for (const run of found) {
        counts.set(run.state, (counts.get(run.state) ?? 0) + 1);
    }
    for (const [state, { chip, count }] of chips) {
        const number = counts.get(state) ?? 0;
        const isPressed = view.states.has(state);
        count.textContent = number.toLocaleString('en');
        chip.classList.toggle('none', number === 0);
        chip.hidden = number === 0 && !isPressed && !USUAL.has(state);
        chip.setAttribute('aria-pressed', String(isPressed));
    }
    // The run at the top stays there, whatever comes above it.
    const top = Math.floor(scroller.scrollTop / height);
    const anchor = scroller.scrollTop > 0 ? shownRuns[top]?.key : undefined;
    shownRuns = sorted(view.states.size === 0 ? found : found.filter((run) => view.states.has(run.state)));
    if (anchor !== undefined) {
        const at = shownRuns.findIndex((run) => run.key === anchor);
        if (at >= 0 && at !== top) {
            spacers[1].firstChild.style.height = `${shownRuns.length * height}px`;
            scroller.scrollTop += (at - top) * height;
        }
    }
    for (const head of byId('head').querySelectorAll('th')) {
        const isSorted = head.dataset.column === view.sort;
        const way = view.isDown ? 'descending' : 'ascending';
        if (isSorted) {
            head.setAttribute('aria-sort', way);
        } else {
            head.removeAttribute('aria-sort');
        }
    }
    const isNothing = runs.size === 0;
    const isNone = shownRuns.length === 0 && (isReady || !isNothing);
    byId('tools').hidden = isNothing && isReady;
    scroller.hidden = isNone;
    showEmpty(isNone, isNothing);
    byId('shown').textContent = shownWords();
    byId('table').setAttribute('aria-rowcount', shownRuns.length + 1);
    showRows();
}

function shownWords() {
    if (!isReady && runs.size === 0) {
        return 'Reading the runs';
    }
    const all = runs.size.toLocaleString('en');
    return shownRuns.length === runs.size ? counted(runs.size, 'run') : `${shownRuns.length.toLocaleString('en')} of ${all} runs`;
}

let saying = null;

function sayShown() {
    clearTimeout(saying);
    saying = setTimeout(() => say(`${shownWords()} shown`), 700);
}

let emptyKind = '';

function showEmpty(isShown, isNothing) {
    const empty = byId('empty');
    empty.hidden = !isShown;
    const kind = isShown ? (isNothing ? 'nothing' : 'none') : '';
    if (kind === emptyKind) {
        return;
    }
    emptyKind = kind;
    empty.replaceChildren();
    if (kind === 'nothing') {
        empty.append(
            el('h2', {}, 'No runs yet'),
            el('p', {}, 'Put ', el('code', {}, 'tandem exec'), ' before any command, in the directory where this page was started:'),
            el('code', {}, 'tandem exec --task hello -- echo "it works"'),
            el('p', {}, 'The run appears here by itself. If this page was started with ', el('code', {}, '--root'), ', give the command the same.'),
        );
    } else if (kind === 'none') {
        const clear = el('button', { type: 'button', class: 'button' }, 'Show all runs');
        clear.addEventListener('click', () => {
            clearFilters();
            byId('search').focus();
        });
        empty.append(el('h2', {}, 'No run matches'), el('p', {}, 'There are runs, and none of them is what was asked for.'), clear);
    }
}

function clearFilters() {
    view.search = '';
    view.task = '';
    view.states.clear();
    fillTools();
    remember();
    showList();
    sayShown();
}

/** Puts those rows into the page that can be seen. */
function showRows() {
    if (scroller.hidden || byId('list-view').hidden) {
        return;
    }
    const seen = Math.ceil(scroller.clientHeight / height);
    const begin = Math.max(0, Math.min(Math.floor(scroller.scrollTop / height), shownRuns.length - seen) - 8);
    const end = Math.min(shownRuns.length, begin + seen + 16);
    spacers[0].firstChild.style.height = `${begin * height}px`;
    spacers[1].firstChild.style.height = `${(shownRuns.length - end) * height}px`;
    if (current === null || !shownRuns.some((run) => run.key === current)) {
        current = shownRuns[0]?.key ?? null;
    }
    const focused = document.activeElement?.closest?.('#body tr')?.dataset.key;
    const wanted = new Set();
    let before = spacers[0];
    for (let at = begin; at < end; at += 1) {
        const run = shownRuns[at];
        wanted.add(run.key);
        let row = rows.get(run.key);
        if (row === undefined) {
            row = makeRow(run.key);
            rows.set(run.key, row);
        }
        fillRow(row, run, at);
        if (before.nextSibling !== row.element) {
            before.after(row.element);
        }
        before = row.element;
    }
    for (const [key, row] of rows) {
        if (!wanted.has(key)) {
            row.element.remove();
            rows.delete(key);
        }
    }
    if (focused !== undefined && document.activeElement === document.body) {
        (rows.get(focused)?.link ?? scroller).focus({ preventScroll: true });
    }
}

function makeRow(key) {
    const cell = (column) => el('td', { class: `in-${column}${COLUMNS.find(({ id }) => id === column).isNumber ? ' number' : ''}` });
    const link = el('a', { tabindex: '-1' });
    const taskLink = el('a', { tabindex: '-1' });
    const cells = {
        state: cell('state'),
        task: cell('task'),
        run: el('th', { class: 'in-run', scope: 'row' }, link),
        started: cell('started'),
        took: cell('took'),
        heartbeat: cell('heartbeat'),
        detail: cell('detail'),
    };
    cells.task.append(taskLink);
    const element = el('tr', { 'data-key': key }, ...Object.values(cells));
    return { element, cells, link, taskLink, run: null };
}

function fillRow(row, run, at) {
    row.element.setAttribute('aria-rowindex', at + 2);
    row.link.setAttribute('tabindex', run.key === current ? '0' : '-1');
    if (row.run !== run) {
        row.run = run;
        const { cells } = row;
        cells.state.replaceChildren(stateOf(run.state));
        const name = run.run === '' ? 'all its runs' : plain(run.run);
        row.link.replaceChildren(el('span', { class: 'of' }, plain(run.task)), name);
        row.link.title = name;
        row.link.href = address('run', run.task, run.run);
        row.taskLink.textContent = run.task === '' ? '–' : plain(run.task);
        row.taskLink.title = plain(run.task);
        row.taskLink.href = address('task', run.task);
        if (run.run === '') {
            row.link.href = row.taskLink.href;
        }
        cells.started.replaceChildren(time(run.started_at));
        const words = said(run);
        cells.detail.textContent = words;
        cells.detail.title = words;
        row.isTicking = GOES_ON.has(run.state);
        tickRow(row);
    } else if (row.isTicking) {
        tickRow(row);
    }
}

function tickRow({ run, cells }) {
    set(cells.took, `${run.state === 'stale' && took(run) !== null ? '≥ ' : ''}${span(took(run))}`);
    const beat = run.heartbeat === null || !GOES_ON.has(run.state) ? '–' : age(now() - run.heartbeat);
    set(cells.heartbeat, beat);
}

function set(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

function focusRow(at) {
    const to = Math.max(0, Math.min(at, shownRuns.length - 1));
    if (shownRuns.length === 0) {
        return;
    }
    current = shownRuns[to].key;
    // The head of the table covers what is below it.
    const head = byId('head').offsetHeight;
    const top = to * height;
    if (top < scroller.scrollTop) {
        scroller.scrollTop = top;
    } else if (top + height > scroller.scrollTop + scroller.clientHeight - head) {
        scroller.scrollTop = top + height - scroller.clientHeight + head;
    }
    showRows();
    rows.get(current)?.link.focus({ preventScroll: true });
}

scroller.addEventListener('scroll', () => requestAnimationFrame(showRows), { passive: true });
new ResizeObserver(() => {
    height = rowHeight();
    showRows();
}).observe(scroller);

scroller.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest('thead')) {
        return;
    }
    const at = shownRuns.findIndex((run) => run.key === current);
    const isInRow = event.target.closest('#body tr') !== null;
    const page = Math.max(1, Math.floor((scroller.clientHeight - byId('head').offsetHeight) / height) - 1);
    const to = {
        ArrowDown: isInRow ? at + 1 : at,
        ArrowUp: isInRow ? at - 1 : at,
        PageDown: at + page,
        PageUp: at - page,
        Home: 0,
        End: shownRuns.length - 1,
    }[event.key];
    if (to !== undefined) {
        event.preventDefault();
        focusRow(to);
    } else if (event.key === 'Enter' && !isInRow && current !== null) {
        rows.get(current)?.link.click();
    }
});

body.addEventListener('focusin', (event) => {
    const key = event.target.closest('tr')?.dataset.key;
    if (key !== undefined && key !== current) {
        rows.get(current)?.link.setAttribute('tabindex', '-1');
        current = key;
        rows.get(current)?.link.setAttribute('tabindex', '0');
    }
});

body.addEventListener('click', (event) => {
    const row = event.target.closest('tr[data-key]');
    if (row !== null && event.target.closest('a') === null && String(getSelection()) === '') {
        rows.get(row.dataset.key)?.link.click();
    }
});

function fillTools() {
    byId('search').value = view.search;
    byId('task').value = view.task;
}

byId('tools').addEventListener('submit', (event) => event.preventDefault());
for (const name of ['search', 'task']) {
    byId(name).addEventListener('input', () => {
        view[name] = byId(name).value;
        scroller.scrollTop = 0;
        remember();
        showList();
        sayShown();
    });
}
byId('task').addEventListener('focus', suggest);
byId('task').addEventListener('input', suggest);

function suggest() {
    const typed = byId('task').value.trim().toLowerCase();
    const found = [...tasks().keys()].filter((task) => task.toLowerCase().includes(typed)).sort().slice(0, TASKS_SUGGESTED);
    byId('tasks').replaceChildren(...found.map((task) => el('option', { value: task })));
}

byId('search').addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'Enter') {
        event.preventDefault();
        focusRow(shownRuns.findIndex((run) => run.key === current));
    }
});

// A run

let opened = null;

function openRun(task, run) {
    const element = byId('run-view');
    opened = { kind: 'run', task, run, key: keyOf(task, run), read: null, isReading: false, isStale: false };
    const parts = {
        title: el('h1', { id: 'run-title' }, plain(task)),
        state: el('span', {}),
        says: el('p', { class: 'says' }),
        facts: el('dl', { class: 'facts' }),
        problem: el('p', { class: 'problem', hidden: '' }),
        steps: el('section', { class: 'part', hidden: '', 'aria-labelledby': 'steps-title' }),
        output: textPart('output', 'Output'),
        manifest: textPart('manifest', 'Manifest'),
    };
    opened.parts = parts;
    element.replaceChildren(el('div', { class: 'inside' },
        el('nav', { class: 'way', 'aria-label': 'Where this is' },
            el('a', { href: '#/' }, 'Runs'), el('span', { 'aria-hidden': 'true' }, '›'),
            el('a', { href: address('task', task) }, plain(task)), el('span', { 'aria-hidden': 'true' }, '›'), el('span', {}, 'Run')),
        el('header', { class: 'title' }, parts.title, parts.state),
        el('p', { class: 'named' }, plain(run)),
        parts.says, parts.facts, parts.problem, parts.steps, parts.output.element, parts.manifest.element));
    showRun();
    readRun();
}

function textPart(id, name) {
    const title = el('h2', { id: `${id}-title` }, name);
    const about = el('p', {});
    const text = el('pre', { class: 'text', tabindex: '0', role: 'region', 'aria-labelledby': `${id}-title` });
    const copy = el('button', { type: 'button', class: 'button' }, 'Copy');
    const part = { about, text, raw: '' };
    copy.addEventListener('click', async () => {
        try {
            await navigator.clipboard.writeText(part.raw);
            say(`${name} copied`);
            copy.textContent = 'Copied';
        } catch {
            copy.textContent = 'Not allowed';
        }
        setTimeout(() => {
            copy.textContent = 'Copy';
        }, 1500);
    });
    if (!navigator.clipboard) {
        copy.hidden = true;
    }
    part.element = el('section', { class: 'part', hidden: '', 'aria-labelledby': `${id}-title` },
        el('div', { class: 'part-head' }, title, about, copy), text);
    return part;
}

async function answered(path) {
    const answer = await fetch(path, { headers: { accept: 'application/json' } });
    if (!answer.ok) {
        throw new Refused((await answer.text()).trim());
    }
    return answer.json();
}

class Refused extends Error {}

/** Reads once more what is open, if it changed while it was read. */
async function reading(mine, path, take) {
    if (mine.isReading) {
        mine.isStale = true;
        return;
    }
    mine.isReading = true;
    do {
        mine.isStale = false;
        try {
            mine.read = await answered(path);
            mine.problem = null;
        } catch (error) {
            mine.problem = error instanceof Refused ? error.message : 'the server cannot be reached';
        }
        if (opened !== mine) {
            return;
        }
        take();
        // What changes all the time is read now and then.
        await new Promise((done) => setTimeout(done, 1000));
    } while (mine.isStale && opened === mine);
    mine.isReading = false;
}

function readRun() {
    const { task, run } = opened;
    reading(opened, `/api/run?task=${encodeURIComponent(task)}&run=${encodeURIComponent(run)}`, showRun);
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const word = (value) => (typeof value === 'string' && value !== '' ? value : null);

function showRun() {
    const { parts, read, problem, key } = opened;
    const row = runs.get(key);
    let manifest = {};
    if (read?.manifest) {
        try {
            const value = JSON.parse(read.manifest.replace(/^\ufeff/, ''));
            manifest = isObject(value) ? value : {};
        } catch {
            // What is wrong with it is told by the server.
        }
    }
    parts.state.replaceChildren(row ? stateOf(row.state) : '');
    const detail = word(manifest.status_detail) ?? word(manifest.summary) ?? row?.detail ?? '';
    set(parts.says, plain(detail));
    showFacts(parts.facts, runFacts(row, manifest));
    const why = problem ?? read?.problem;
    parts.problem.hidden = !why;
    if (why) {
        set(parts.problem, row || read ? plain(why) : `${plain(why)}: it may have been removed, and its task's page has what is recorded of it`);
    }
    showSteps(parts.steps, Array.isArray(manifest.commands) ? manifest.commands.filter(isObject) : [], manifest);
    const tail = word(manifest.output_tail);
    fillText(parts.output, tail, outputAbout(manifest, tail), (text) => [output(text)]);
    const about = read?.manifest ? `${bytes(read.bytes)}${read.is_cut ? `, of which the first ${bytes(read.manifest.length)} are shown` : ''}` : '';
    fillText(parts.manifest, read?.manifest ?? null, about, coloured);
}

function outputAbout(manifest, tail) {
    const { stdout_bytes: out, stderr_bytes: err } = manifest;
    const total = (Number(out) || 0) + (Number(err) || 0);
    if (tail === null) {
        return '';
    }
    return total > new TextEncoder().encode(tail).length ? `the end of ${bytes(total)}` : bytes(total);
}

/** Text that changes keeps its place; at its end it stays at the end. */
function fillText(part, text, about, shown) {
    part.element.hidden = text === null;
    set(part.about, about);
    if (text === null || part.raw === text) {
        return;
    }
    const isFirst = part.raw === '';
    const pre = part.text;
    const isAtEnd = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 4;
    part.raw = text;
    pre.replaceChildren(...shown(text));
    if (part.element.getAttribute('aria-labelledby') === 'output-title' && (isFirst || isAtEnd)) {
        pre.scrollTop = pre.scrollHeight;
    }
}

/** JSON with its names, texts and numbers told apart. */
function coloured(text) {
    const lines = text.split('\n').map((line) => line.split('\t').map(plain).join('\t')).join('\n');
    if (lines.length > COLOURED_CHARS_MAX) {
        return [lines];
    }
    const parts = [];
    let from = 0;
    for (const found of lines.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g)) {
        const kind = found[1] === undefined ? 'n' : found[2] === undefined ? 's' : 'k';
        const piece = found[1] ?? found[0];
        parts.push(lines.slice(from, found.index), el('span', { class: kind }, piece));
        from = found.index + piece.length;
    }
    parts.push(lines.slice(from));
    return parts;
}

function runFacts(row, manifest) {
    const started = word(manifest.started_at) ?? row?.started_at;
    const completed = word(manifest.completed_at) ?? row?.completed_at;
    const facts = [];
    if (started) {
        facts.push(['Started', time(started, whole)]);
    }
    if (completed) {
        facts.push(['Ended', time(completed, whole)]);
    }
    const ms = row ? took(row) : parsed(started) !== null && parsed(completed) !== null ? parsed(completed) - parsed(started) : null;
    if (ms !== null) {
        facts.push([row?.state === 'live' ? 'Running for' : row?.state === 'stale' ? 'Ran for at least' : 'Took', span(ms)]);
    }
    if (row && GOES_ON.has(row.state) && row.heartbeat !== null) {
        facts.push(['Last heartbeat', age(now() - row.heartbeat)]);
    }
    const commands = Array.isArray(manifest.commands) ? manifest.commands.filter(isObject) : [];
    const codes = commands.map((command) => command.exit_code).filter((code) => typeof code === 'number');
    if (codes.length > 0) {
        facts.push(['Exit code', String(codes.at(-1))]);
    }
    for (const [name, value] of [['Runner', manifest.runner], ['Parent run', manifest.parent_run_id]]) {
        if (word(value)) {
            facts.push([name, short(value, 60)]);
        }
    }
    const counts = [['standard output', manifest.stdout_bytes], ['standard error', manifest.stderr_bytes]]
        .filter(([, count]) => typeof count === 'number');
    if (counts.length > 0) {
        const total = counts.reduce((sum, [, count]) => sum + count, 0);
        facts.push(['Wrote', bytes(total), counts.length > 1 ? counts.map(([name, count]) => `${bytes(count)} ${name}`).join(', ') : null]);
    }
    return facts;
}

function showFacts(list, facts) {
    list.hidden = facts.length === 0;
    const shown = facts.map(([name, value, more]) => el('div', {}, el('dt', {}, name),
        el('dd', {}, value, more ? el('small', {}, more) : null)));
    if (list.textContent !== shown.map((fact) => fact.textContent).join('')) {
        list.replaceChildren(...shown);
    }
}

const STEP_STATES = { pending: 'queued', running: 'live', succeeded: 'done', failed: 'failed', skipped: 'cancelled' };

function showSteps(part, commands, manifest) {
    part.hidden = commands.length === 0;
    const end = parsed(manifest.completed_at) ?? now();
    const steps = commands.slice(0, 500).map((command) => {
        const from = parsed(command.started_at);
        const to = parsed(command.completed_at) ?? (command.status === 'running' ? end : null);
        return { command, ms: from === null || to === null ? null : Math.max(0, to - from) };
    });
    const longest = Math.max(1, ...steps.map(({ ms }) => ms ?? 0));
    const shape = JSON.stringify(steps.map(({ command, ms }) => [command, ms === null ? null : span(ms)]));
    if (part.dataset.shape === shape) {
        return;
    }
    part.dataset.shape = shape;
    const rows = steps.map(({ command, ms }) => {
        const state = STEP_STATES[command.status] ?? 'unknown';
        const text = word(command.command);
        const title = word(command.title) ?? word(command.id) ?? 'command';
        const code = typeof command.exit_code === 'number' ? String(command.exit_code) : '–';
        const told = word(command.summary);
        const shown = stateOf(state);
        shown.querySelector('.word').textContent = word(command.status) ? short(command.status) : 'unknown';
        return el('tr', { 'data-own': state },
            el('td', { class: 'is' }, shown),
            el('th', { scope: 'row', class: 'words' }, plain(title),
                text !== null && text !== title ? el('div', {}, el('code', {}, plain(text), command.command_is_cut === true ? ' (its beginning)' : '')) : null,
                told === null ? null : el('div', { class: 'quiet' }, plain(told))),
            el('td', { class: 'took number' }, bar(ms, longest)),
            el('td', { class: 'number' }, code));
    });
    part.replaceChildren(
        el('div', { class: 'part-head' }, el('h2', { id: 'steps-title' }, commands.length === 1 ? 'Command' : 'Steps'),
            commands.length > steps.length ? el('p', {}, `the first ${steps.length} of ${commands.length}`) : null),
        el('div', { class: 'card wide' }, el('table', { class: 'plain' },
            el('thead', {}, el('tr', {}, ...['State', commands.length === 1 ? 'Command' : 'Step'].map((name) => el('th', { scope: 'col' }, name)),
                el('th', { scope: 'col', class: 'number' }, 'Took'), el('th', { scope: 'col', class: 'number' }, 'Exit code'))),
            el('tbody', {}, ...rows))));
}

function bar(ms, longest) {
    const fill = el('b', {});
    fill.style.width = `${ms === null ? 0 : Math.max(0, (100 * ms) / longest)}%`;
    return el('span', { class: 'span' }, el('i', { 'aria-hidden': 'true' }, ms === null ? null : fill), el('span', {}, span(ms)));
}

// A task

function openTask(task) {
    const element = byId('task-view');
    opened = { kind: 'task', task, read: null, isReading: false, isStale: false, shown: ENTRIES_SHOWN };
    const parts = {
        facts: el('dl', { class: 'facts' }),
        problem: el('p', { class: 'problem part', hidden: '' }),
        going: el('section', { class: 'part', hidden: '', 'aria-labelledby': 'going-title' }),
        chart: el('section', { class: 'part', hidden: '', 'aria-labelledby': 'chart-title' }),
        table: el('section', { class: 'part', hidden: '', 'aria-labelledby': 'past-title' }),
    };
    opened.parts = parts;
    const list = el('a', { href: '#/' }, 'its runs in the list');
    list.addEventListener('click', () => {
        view.task = task;
        fillTools();
        remember();
    });
    element.replaceChildren(el('div', { class: 'inside' },
        el('nav', { class: 'way', 'aria-label': 'Where this is' },
            el('a', { href: '#/' }, 'Runs'), el('span', { 'aria-hidden': 'true' }, '›'), el('span', {}, plain(task))),
        el('header', { class: 'title' }, el('h1', { id: 'task-title' }, plain(task))),
        el('p', { class: 'quiet' }, 'What its history has; see also ', list),
        parts.facts, parts.problem, parts.chart, parts.going, parts.table));
    showTask();
    readTask();
}

function readTask() {
    reading(opened, `/api/task?task=${encodeURIComponent(opened.task)}`, showTask);
}

function median(numbers) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function showTask() {
    const { parts, read, problem, task } = opened;
    parts.problem.hidden = !problem;
    set(parts.problem, problem ? plain(problem) : '');
    showGoing(parts.going, task);
    if (!read) {
        showFacts(parts.facts, []);
        return;
    }
    const { entries, total } = read;
    const known = entries.filter(({ took_ms: ms }) => ms !== null);
    const facts = [['Recorded runs', total.toLocaleString('en'), total > entries.length ? `the newest ${entries.length} are shown` : null]];
    const judged = entries.filter(({ state }) => state === 'done' || state === 'failed');
    if (judged.length > 0) {
        const good = judged.filter(({ state }) => state === 'done').length;
        facts.push(['Done', `${Math.floor((100 * good) / judged.length)} %`, `${good} of ${judged.length} that were not cancelled`]);
    }
    if (known.length > 0) {
        const spans = known.map(({ took_ms: ms }) => ms);
        facts.push(['Median', span(median(spans))], ['Longest', span(Math.max(...spans))]);
    }
    const last = entries.find((entry) => parsed(entry.completed_at) !== null);
    if (last) {
        facts.push(['Last ended', time(last.completed_at)]);
    }
    showFacts(parts.facts, facts);
    // As wide as it is shown, so that signs keep their size.
    const width = Math.max(280, parts.facts.clientWidth - 38);
    const shape = JSON.stringify([entries, opened.shown, width]);
    if (opened.shape !== shape) {
        opened.shape = shape;
        showChart(parts.chart, known.slice(0, BARS_MAX).reverse(), width);
        showPast(parts.table, entries);
    }
}

function showGoing(part, task) {
    const going = [...runs.values()].filter((run) => run.task === task && run.run !== '' && ['live', 'stale', 'queued'].includes(run.state))
        .sort((a, b) => (b.started ?? 0) - (a.started ?? 0)).slice(0, ENTRIES_SHOWN);
    part.hidden = going.length === 0;
    const shape = going.map((run) => `${run.key} ${run.state} ${span(took(run))}`).join('\n');
    if (part.dataset.shape === shape) {
        return;
    }
    part.dataset.shape = shape;
    const isFocused = part.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    part.replaceChildren(
        el('div', { class: 'part-head' }, el('h2', { id: 'going-title' }, 'Not over')),
        el('div', { class: 'card wide' }, el('table', { class: 'plain' },
            el('thead', {}, el('tr', {}, ...['State', 'Run', 'Started'].map((name) => el('th', { scope: 'col' }, name)), el('th', { scope: 'col', class: 'number' }, 'For'))),
            el('tbody', {}, ...going.map((run) => el('tr', {}, el('td', { class: 'is' }, stateOf(run.state)),
                el('th', { scope: 'row', class: 'run' }, el('a', { href: address('run', task, run.run) }, plain(run.run))),
                el('td', { class: 'when' }, time(run.started_at)), el('td', { class: 'number' }, span(took(run)))))))));
    if (isFocused !== null) {
        [...part.querySelectorAll('a')].find((link) => link.getAttribute('href') === isFocused)?.focus({ preventScroll: true });
    }
}

const OWN = (state) => (order.has(state) ? state : 'unknown');

/** Durations as bars, the newest at the right. The table below has the same in words. */
function showChart(part, entries, width) {
    part.hidden = entries.length < 2;
    if (part.hidden) {
        part.replaceChildren();
        return;
    }
    const [tall, left, top] = [190, 4, 16];
    const longest = Math.max(1, ...entries.map(({ took_ms: ms }) => ms));
    const step = (width - left) / Math.max(entries.length, 20);
    const thick = Math.max(2, Math.min(26, step * 0.82));
    const drawing = svg('svg', { viewBox: `0 0 ${width} ${tall + top + 6}`, role: 'img', 'aria-labelledby': 'chart-words' });
    const hatch = (id) => svg('pattern', { id, width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
        svg('rect', { width: 2.4, height: 5, class: 'column', 'data-own': 'failed' }));
    drawing.append(svg('defs', {}, hatch('hatch')));
    const y = (ms) => top + tall - (tall * ms) / longest;
    const middle = median(entries.map(({ took_ms: ms }) => ms));
    drawing.append(svg('line', { class: 'base', x1: 0, x2: width, y1: top + tall, y2: top + tall }));
    entries.forEach((entry, at) => {
        const state = OWN(entry.state);
        const x = left + at * step + (step - thick) / 2;
        const height = Math.max(2, top + tall - y(entry.took_ms));
        const look = state === 'failed' ? ' hatched' : state === 'done' ? '' : ' outlined';
        const shape = svg('rect', { class: `column${look}`, x, y: top + tall - height, width: thick, height, rx: 2 });
        if (state === 'failed') {
            shape.style.fill = 'url(#hatch)';
        }
        const words = `${entry.run ? plain(entry.run) : 'a run'}: ${entry.state ? plain(entry.state) : 'no status'}, ${span(entry.took_ms)}`;
        const link = svg(entry.run ? 'a' : 'g', { 'data-own': state, tabindex: '-1' }, svg('title', {}), shape);
        link.firstChild.textContent = words;
        if (entry.run) {
            link.setAttribute('href', address('run', opened.task, entry.run));
        }
        if (state === 'failed') {
            const [cx, cy, r] = [x + thick / 2, top + tall - height - 7, 3];
            link.append(svg('path', { class: 'cross', d: `M${cx - r} ${cy - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}` }));
        }
        drawing.append(link);
    });
    drawing.append(svg('line', { class: 'rule', x1: 0, x2: width, y1: y(middle), y2: y(middle) }));
    const counts = new Map();
    for (const { state } of entries) {
        counts.set(OWN(state), (counts.get(OWN(state)) ?? 0) + 1);
    }
    const words = `Durations of the last ${entries.length} runs, oldest to newest: median ${span(middle)}, longest ${span(longest)}; `
        + [...counts].map(([state, count]) => `${count} ${state}`).join(', ') + '. The table below has each of them.';
    const legend = [...counts.keys()].map((state) => {
        const box = svg('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' }, svg('rect', {
            class: `column${state === 'failed' ? ' hatched' : state === 'done' ? '' : ' outlined'}`, x: 1, y: 1, width: 10, height: 10, rx: 2,
        }));
        if (state === 'failed') {
            box.firstChild.style.fill = 'url(#hatch)';
        }
        return el('span', { 'data-own': state }, box, `${state} (${counts.get(state)})`);
    });
    part.replaceChildren(
        el('div', { class: 'part-head' }, el('h2', { id: 'chart-title' }, 'Durations'), el('p', {}, `of the last ${entries.length} runs, the newest at the right; the dotted line is the median, ${span(middle)}`)),
        el('figure', { class: 'card chart' }, drawing, el('div', { class: 'legend', 'aria-hidden': 'true' }, ...legend),
            el('figcaption', { class: 'unseen', id: 'chart-words' }, words)));
}

function showPast(part, entries) {
    part.hidden = false;
    const head = el('div', { class: 'part-head' }, el('h2', { id: 'past-title' }, 'History'));
    if (entries.length === 0) {
        part.replaceChildren(head, el('p', { class: 'quiet' }, 'No run of this task is recorded yet: one is when it is over.'));
        return;
    }
    const longest = Math.max(1, ...entries.map(({ took_ms: ms }) => ms ?? 0));
    const rows = entries.slice(0, opened.shown).map((entry) => {
        const state = OWN(entry.state);
        const shown = stateOf(state);
        shown.querySelector('.word').textContent = entry.state ? short(entry.state) : 'no status';
        const name = entry.run ? el('a', { href: address('run', opened.task, entry.run) }, plain(entry.run)) : '–';
        return el('tr', { 'data-own': state }, el('td', { class: 'is' }, shown), el('th', { scope: 'row', class: 'run' }, name),
            el('td', { class: 'when' }, time(entry.completed_at)), el('td', { class: 'took number' }, bar(entry.took_ms, longest)),
            el('td', { class: 'words quiet' }, entry.detail));
    });
    const names = [['State'], ['Run'], ['Ended'], ['Took', 'number'], ['Detail']];
    const table = el('div', { class: 'card wide' }, el('table', { class: 'plain' },
        el('thead', {}, el('tr', {}, ...names.map(([name, kind]) => el('th', { scope: 'col', class: kind }, name)))), el('tbody', {}, ...rows)));
    part.replaceChildren(head, table);
    if (entries.length > opened.shown) {
        const more = el('button', { type: 'button', class: 'button' }, `Show ${Math.min(ENTRIES_SHOWN, entries.length - opened.shown)} more`);
        more.addEventListener('click', () => {
            const from = opened.shown;
            opened.shown += ENTRIES_SHOWN;
            showTask();
            part.querySelectorAll('tbody a')[from]?.focus();
        });
        part.append(el('p', { class: 'part-head' }, more));
    }
}

// Where the page is

const address = (kind, ...names) => `#/${kind}/${names.map(encodeURIComponent).join('/')}`;

/** How many places were opened from others, so that going back stays in the page. */
let depth = 0;
let isBack = false;
let scrolledTo = 0;

function place() {
    const hash = location.hash;
    const [path, query] = hash.replace(/^#/, '').split('?');
    try {
        const [kind, ...names] = path.split('/').slice(1).map(decodeURIComponent);
        if (kind === 'run' && names.length === 2 && names.every(Boolean)) {
            return { kind, names };
        }
        if (kind === 'task' && names.length === 1 && names[0] !== '') {
            return { kind, names };
        }
    } catch {
        // What is no text is no address.
    }
    return { kind: 'list', query: new URLSearchParams(query ?? '') };
}

/** The filters are a part of the address, so that it can be kept and handed on. */
function remember() {
    const query = new URLSearchParams();
    if (view.search !== '') {
        query.set('search', view.search);
    }
    if (view.task !== '') {
        query.set('task', view.task);
    }
    if (view.states.size > 0) {
        query.set('state', STATES.filter((state) => view.states.has(state)).join(','));
    }
    if (view.sort !== 'started' || !view.isDown) {
        query.set('sort', `${view.isDown ? '-' : ''}${view.sort}`);
    }
    const text = query.toString();
    if (place().kind === 'list') {
        history.replaceState(history.state, '', text === '' ? '#/' : `#/?${text}`);
    }
    for (const link of document.querySelectorAll('a[href^="#/?"], a[href="#/"]')) {
        if (!link.classList.contains('brand') && link.id !== 'skip') {
            link.setAttribute('href', text === '' ? '#/' : `#/?${text}`);
        }
    }
}

function recall(query) {
    view.search = query.get('search') ?? '';
    view.task = query.get('task') ?? '';
    view.states = new Set((query.get('state') ?? '').split(',').filter((state) => order.has(state)));
    const sort = query.get('sort') ?? '-started';
    const id = sort.replace(/^-/, '');
    if (COLUMNS.some((column) => column.id === id)) {
        view.sort = id;
        view.isDown = sort.startsWith('-');
    }
    fillTools();
}

function go() {
    const { kind, names, query } = place();
    const wasList = !byId('list-view').hidden;
    if (wasList && kind !== 'list') {
        scrolledTo = scroller.scrollTop;
    }
    byId('list-view').hidden = kind !== 'list';
    byId('run-view').hidden = kind !== 'run';
    byId('task-view').hidden = kind !== 'task';
    opened = null;
    if (kind === 'list') {
        recall(query);
        document.title = 'Runs · Tandem';
        showList();
        if (!wasList) {
            scroller.scrollTop = scrolledTo;
            showRows();
            (rows.get(current)?.link ?? scroller).focus({ preventScroll: true });
        }
        return;
    }
    if (kind === 'run') {
        current = keyOf(...names);
        openRun(...names);
    } else {
        openTask(...names);
    }
    document.title = `${plain(names.join(' '))} · Tandem`;
    byId(`${kind}-view`).scrollTop = 0;
    const title = byId(`${kind}-title`);
    title.setAttribute('tabindex', '-1');
    title.focus({ preventScroll: true });
}

addEventListener('hashchange', () => {
    depth = isBack ? Math.max(0, depth - 1) : depth + 1;
    isBack = false;
    go();
});

function back() {
    if (depth > 0) {
        isBack = true;
        history.back();
    } else {
        location.hash = '#/';
    }
}

addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) {
        return;
    }
    const isTyping = event.target.matches?.('input');
    if (event.key === '/' && !isTyping) {
        event.preventDefault();
        if (place().kind !== 'list') {
            location.hash = '#/';
            go();
        }
        byId('search').focus();
        byId('search').select();
    } else if (event.key === 'Escape') {
        if (isTyping && event.target.value !== '') {
            event.target.value = '';
            event.target.dispatchEvent(new Event('input'));
            event.preventDefault();
        } else if (isTyping) {
            focusRow(shownRuns.findIndex((run) => run.key === current));
        } else if (place().kind !== 'list') {
            back();
        }
    } else if (event.target === document.body && place().kind === 'list' && ['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp'].includes(event.key)) {
        event.preventDefault();
        focusRow(shownRuns.findIndex((run) => run.key === current));
    }
});

byId('skip').addEventListener('click', (event) => {
    event.preventDefault();
    (place().kind === 'list' ? scroller : byId('main')).focus();
});

// What changes

let rendering = null;

function changed() {
    isDirty = true;
    taskCounts = null;
    rendering ??= setTimeout(render, RENDER_MS);
}

let renderedOf = new Map();

function render() {
    rendering = null;
    if (place().kind === 'list') {
        showList();
    } else if (opened?.kind === 'run') {
        const row = runs.get(opened.key);
        if (renderedOf.get(opened.key) !== row) {
            renderedOf = new Map([[opened.key, row]]);
            readRun();
        }
        showRun();
    } else if (opened?.kind === 'task') {
        const ended = [...runs.values()].filter((run) => run.task === opened.task && !GOES_ON.has(run.state)).length;
        if (renderedOf.get(opened.task) !== ended) {
            renderedOf = new Map([[opened.task, ended]]);
            readTask();
        }
        showTask();
    }
}

setInterval(() => {
    if (document.visibilityState !== 'visible' || store.away !== null) {
        return;
    }
    if (place().kind === 'list') {
        for (const row of rows.values()) {
            if (row.isTicking) {
                tickRow(row);
            }
        }
    } else if (opened?.kind === 'run') {
        showRun();
    } else if (opened?.kind === 'task') {
        showTask();
    }
}, 1000);

addEventListener('resize', () => {
    if (opened?.kind === 'task') {
        showTask();
    }
});

makeHead();
makeChips();
go();
if (document.visibilityState !== 'hidden') {
    connect();
}
