// As much of a browser as signing in takes: cookies, redirects and forms. For tests that are not about browsers.

// Goes to `url` as somebody with an empty browser, and stays with `base`: answers the last page, or the first address
// elsewhere.
async function go(jar, base, url, form) {
  let request = { method: form ? 'POST' : 'GET', body: form };
  for (let hops = 0; hops < 20; hops += 1) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { ...request, redirect: 'manual', headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [pair] = set.split(';');
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
    const location = answer.headers.get('location');
    if (!location) return { url, status: answer.status, text: await answer.text() };
    url = new URL(location, url).href;
    if (!url.startsWith(base)) return { location: url };
    request = { method: 'GET' };
  }
  throw new Error(`redirected without end, last to ${url}`);
}

// Sends the first form of a page, with its hidden members and `more`.
function submit(jar, base, page, more = {}) {
  const action = /<form[^>]*action="([^"]*)"/.exec(page.text)[1].replaceAll('&amp;', '&');
  const form = new URLSearchParams(more);
  for (const [input] of page.text.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    if (name && !form.has(name)) form.set(name, /value="([^"]*)"/.exec(input)?.[1] ?? '');
  }
  return go(jar, base, new URL(action, page.url).href, form);
}

// Signs in at an authorization URL. Answers where the browser is sent afterwards.
export async function signIn(base, url) {
  return go(new Map(), base, url);
}

// Confirms a device flow at its complete verification URL, or declines it.
export async function answerDevice(base, url, confirm) {
  const jar = new Map();
  const asked = await submit(jar, base, await go(jar, base, url));
  return submit(jar, base, asked, confirm ? { confirm: 'yes' } : { abort: 'yes' });
}
