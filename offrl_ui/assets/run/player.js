// Who decides which frame is on screen: the newest one while following, a chosen step after scrubbing, or a film through
// the frames that are here. None of this changes the run; only play, pause, step and reset speak to it.

const FILM_SECONDS = 8;
const LONGEST_FILM_SECONDS = 60;

export class Player {
  // send(command); speed() → updates per second, 0 as fast as it goes
  constructor(store, { send, speed, live, onChange }) {
    Object.assign(this, { store, send, speed, live, onChange });
    this.begin();
  }

  begin() {
    this.follow = true;
    this.at = 0;
    this.film = null;
  }

  get frame() {
    const { frames } = this.store;
    return this.follow ? frames.last : (frames.list[frames.indexAt(this.at)] ?? null);
  }

  get atEnd() {
    return this.follow || this.frame === this.store.frames.last;
  }

  // Whether the run trains for this viewer.
  get training() {
    const { state } = this.store;
    return this.live() && ["running", "starting", "queued"].includes(state?.state) && state.playing !== false;
  }

  get playing() {
    return this.film !== null || (this.training && this.follow);
  }

  get spent() {
    return ["finished", "diverged", "stopped", "failed"].includes(this.store.state?.state) || !this.live();
  }

  toggle() {
    if (this.film) this.stopFilm();
    else if (this.training && this.follow) this.send({ cmd: "pause" });
    else if (!this.atEnd) this.startFilm(this.frame.step);
    else if (this.spent) this.startFilm(this.store.frames.first?.step ?? 0);
    else {
      this.follow = true;
      this.send({ cmd: "play" });
    }
    this.onChange();
  }

  startFilm(from) {
    const { frames } = this.store;
    if (frames.length < 2) return;
    this.follow = false;
    this.at = from;
    this.film = { index: frames.indexAt(from), step: from, time: null };
  }

  stopFilm() {
    this.film = null;
  }

  // Advance the film to `now` (ms); true while it plays. As fast as it goes, every snapshot has the same time: they are
  // dense where training was slow, so the beginning keeps its room. At a chosen speed it runs by steps.
  tick(now) {
    const { film, store } = this;
    if (!film) return false;
    const { list } = store.frames;
    const last = list.length - 1;
    const passed = film.time === null ? 0 : (now - film.time) / 1000;
    film.time = now;
    const speed = this.speed();
    if (speed === 0) {
      film.index = Math.min(film.index + (passed * last) / FILM_SECONDS, last);
      film.step = list[Math.floor(film.index)].step;
    } else {
      // A film of a long run at a slow training speed would take minutes: it never takes more than one.
      film.step += passed * Math.max(speed, (list[last].step - list[0].step) / LONGEST_FILM_SECONDS);
      film.index = store.frames.indexAt(film.step);
    }
    this.at = film.step;
    if (film.index >= last) {
      this.stopFilm();
      this.follow = true;
    }
    return true;
  }

  seek(step) {
    this.stopFilm();
    this.follow = false;
    this.at = step;
    this.onChange();
  }

  newest() {
    this.stopFilm();
    this.follow = true;
    this.onChange();
  }

  back() {
    const { frames } = this.store;
    const index = frames.list.indexOf(this.frame);
    if (index > 0) this.seek(frames.list[index - 1].step);
  }

  // Forward to the next frame that is here; at the end the run itself takes a step.
  forward(unit) {
    const { frames } = this.store;
    const index = frames.list.indexOf(this.frame);
    if (!this.atEnd) {
      if (index + 1 === frames.length - 1) this.newest();
      else this.seek(frames.list[index + 1].step);
    } else if (this.live()) {
      this.follow = true;
      this.send({ cmd: "step", unit });
    }
  }

  first() {
    this.seek(this.store.frames.first?.step ?? 0);
  }

  reset() {
    this.stopFilm();
    if (this.live()) this.send({ cmd: "reset" });
    else this.first();
  }
}
