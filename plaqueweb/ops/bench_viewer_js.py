"""What the viewer's bench runs inside the page."""

LOADED = "() => performance.getEntriesByType('resource').some(e => e.name.includes('/cine/') && e.responseEnd > 0)"
"""The whole loop has come."""

FETCHED = """() => {
  const entry = performance.getEntriesByType('resource').find(e => e.name.includes('/cine/') && e.responseEnd > 0);
  return { name: entry.name, end: entry.responseEnd };
}"""

FIRST_FRAME = """
new MutationObserver((_, observer) => {
  if (window.benchFirst || !document.querySelector('.vp[data-frame]:not([data-frame="0"])')) return;
  window.benchFirst = performance.now();
  observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-frame'] });
"""
"""Since the navigation began, in ms, when the first picture was painted."""

LOOP = """async (ms) => {
  const hosts = [...document.querySelectorAll('[data-pane]')].slice(0, 3);
  const panes = hosts.map(() => []);
  const observers = hosts.map((host, i) => {
    const observer = new MutationObserver(() => {
      const frame = Number(host.dataset.frame);
      if (panes[i].at(-1) !== frame) panes[i].push(frame);
    });
    observer.observe(host, { attributes: true, attributeFilter: ['data-frame'] });
    return observer;
  });
  const start = performance.now();
  await new Promise(resolve => setTimeout(resolve, ms));
  observers.forEach(observer => observer.disconnect());
  return { panes, ms: performance.now() - start };
}"""
"""Frame numbers in the order in which each pane painted them."""

BARE_LOOP = """async ([url, sizes, ms]) => {
  const data = new DataView(await (await fetch(url)).arrayBuffer());
  const count = data.getUint32(4, true), pictures = [];
  for (let at = 8, n = 0; n < count; n++) {
    const length = data.getUint32(at, true);
    pictures.push(await createImageBitmap(new Blob([new Uint8Array(data.buffer, at + 4, length)])));
    at += 4 + length;
  }
  const canvases = sizes.map(([width, height]) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const left = `${document.querySelectorAll('.bench').length * 480}px`;
    Object.assign(canvas.style, { position: 'fixed', top: '0', left });
    canvas.className = 'bench';
    document.body.append(canvas);
    return canvas.getContext('2d');
  });
  const frames = [];
  let start = null, last = 0;
  await new Promise(resolve => {
    const tick = (now) => {
      start ??= now - 1000 / 120;
      last = now;
      const frame = Math.floor((now - start) / (1000 / 60)) % count;
      if (frames.at(-1) !== frame + 1) {
        for (const context of canvases) {
          const { width, height } = context.canvas, scale = Math.min(width / 800, height / 600);
          context.clearRect(0, 0, width, height);
          context.imageSmoothingQuality = 'low';
          context.drawImage(pictures[frame], 0, 0, 800 * scale, 600 * scale);
        }
        frames.push(frame + 1);
      }
      if (now - start < ms) requestAnimationFrame(tick);
      else resolve();
    };
    requestAnimationFrame(tick);
  });
  return { painted: frames.length, frames, ms: last - start };
}"""
"""The same pictures, sizes and times on canvases of a page that does nothing else."""

BRUSH = """(selector) => {
  window.benchTook = [];
  document.querySelector(selector).addEventListener('pointermove', (event) => {
    if (!event.buttons) return;
    const at = event.timeStamp;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.benchTook.push(performance.now() - at);
      channel.port2.postMessage(0);
    });
  }, { capture: true });
}"""
"""A message posted in a frame arrives when that frame was painted."""

BARE_BRUSH = """() => {
  const canvas = Object.assign(document.createElement('canvas'), { id: 'bench-canvas', width: 900, height: 600 });
  Object.assign(canvas.style, { position: 'fixed', top: '100px', left: '200px', zIndex: '9', background: '#000' });
  document.body.append(canvas);
  const context = canvas.getContext('2d');
  context.fillStyle = '#ff9f2e';
  window.benchTook = [];
  canvas.addEventListener('pointermove', (event) => {
    if (!event.buttons) return;
    const at = event.timeStamp;
    requestAnimationFrame(() => {
      context.fillRect(event.offsetX - 6, event.offsetY - 6, 12, 12);
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.benchTook.push(performance.now() - at);
      channel.port2.postMessage(0);
    });
  });
}"""

PANE_SIZES = "[...document.querySelectorAll('[data-pane] canvas')].slice(0, 3).map(c => [c.width, c.height])"
FRAME_ADDRESS = "performance.getEntriesByType('resource').find(e => e.name.includes('/frames/')).name"
FETCH = """async (address) => {
  const start = performance.now();
  await (await fetch(address, { cache: 'no-store' })).blob();
  return performance.now() - start;
}"""
"""How long an address takes, in ms, whatever the browser kept."""
