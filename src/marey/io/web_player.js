function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// A moving figure: Play, a slider of frames, and a picture that turns when it is dragged.
// clip.frames: of each frame x, y, z of every point, in centimetres; bones: [from, to, side].
function player(clip, bones) {
  const canvas = element("canvas", { width: 480, height: 420 });
  const slider = element("input", { type: "range", min: 0, max: clip.frames.length - 1, value: 0, ariaLabel: "frame" });
  const button = element("button", { type: "button", textContent: "Play" });
  const pen = canvas.getContext("2d");
  const colors = getComputedStyle(document.documentElement);
  let turn = 0.6, drag = null, timer = null;

  // Orthographic, from slightly above; the picture follows the pelvis, upwards too, over a ground of squares.
  function draw() {
    const frame = clip.frames[slider.value], tilt = 0.25, scale = 1.9;
    const centre = [frame[0], Math.max(90, frame[1]), frame[2]];
    const project = (x, y, z) => {
      const a = x - centre[0], b = y - centre[1], c = z - centre[2];
      const across = a * Math.cos(turn) - c * Math.sin(turn);
      const towards = a * Math.sin(turn) + c * Math.cos(turn);
      return [240 + scale * across, 210 - scale * (b * Math.cos(tilt) - towards * Math.sin(tilt))];
    };
    const line = (from, to, color, width) => {
      pen.strokeStyle = color; pen.lineWidth = width; pen.lineCap = "round";
      pen.beginPath(); pen.moveTo(...project(...from)); pen.lineTo(...project(...to)); pen.stroke();
    };
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const x0 = 50 * Math.round(centre[0] / 50), z0 = 50 * Math.round(centre[2] / 50);
    for (let step = -150; step <= 150; step += 50) {
      line([x0 + step, 0, z0 - 150], [x0 + step, 0, z0 + 150], "#d5d8de", 1);
      line([x0 - 150, 0, z0 + step], [x0 + 150, 0, z0 + step], "#d5d8de", 1);
    }
    const joint = at => frame.slice(3 * at, 3 * at + 3);
    for (const [parent, child, side] of bones)
      line(joint(parent), joint(child), colors.getPropertyValue("--" + side), side === "centre" ? 7 : 6);
  }
  function stop() { clearInterval(timer); timer = null; button.textContent = "Play"; }
  button.onclick = () => {
    if (timer !== null) return stop();
    button.textContent = "Stop";
    timer = setInterval(() => { slider.value = (Number(slider.value) + 1) % clip.frames.length; draw(); }, 1000 / clip.fps);
  };
  slider.oninput = draw;
  canvas.onpointerdown = event => { drag = event.clientX; canvas.setPointerCapture(event.pointerId); };
  canvas.onpointerup = () => { drag = null; };
  canvas.onpointermove = event => {
    if (drag === null) return;
    turn += (event.clientX - drag) / 100; drag = event.clientX; draw();
  };
  draw();
  return element("div", {}, canvas, element("div", { className: "player" }, button, slider));
}
