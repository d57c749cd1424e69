// Who decides which frame is on screen: the newest one while following, a chosen step after scrubbing, or a film through
// the frames that are here. None of this changes the run; only play, pause, step and reset speak to it.

const FILM_SECONDS = 8;

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
    return this.follow ? frames.last : frames.list[frames.indexAt(this.at)] ?? null;
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
    if (this.store.frames.length < 2) return;
    this.follow = false;
    this.at = from;
    this.film = { step: from, time: null };
  }

  stopFilm() {
    this.film = null;
  }

  // Advance the film to `now` (ms); true while it plays.
  tick(now) {
    const { film, store } = this;
    if (!film) return false;
    const last = store.frames.last.step;
    const span = last - store.frames.first.step;
    const fastest = span / FILM_SECONDS;
    const chosen = this.speed();
    // A film of a long run at a slow training speed would take minutes: it never takes more than a minute.
    const rate = chosen === 0 ? fastest : Math.max(chosen, span / 60);
    if (film.time !== null) film.step += (rate * (now - film.time)) / 1000;
    film.time = now;
    this.at = Math.min(film.step, last);
    if (film.step >= last) {
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
