// Who decides which frame is on screen: the newest one while following, a chosen step after scrubbing, or a replay of
// the frames that are here. None of this changes the run; only play, pause, step and reset speak to it.

/**
 * @import { Command } from "./protocol.d.ts"
 * @import { Store } from "./store.js"
 */

/**
 * @typedef {object} PlaybackActions
 * @property {(command: Command) => void} send
 * @property {() => number} speed - updates per second, 0 as fast as it goes
 * @property {() => boolean} live - whether the run can train on
 * @property {() => void} onChange
 */

const REPLAY_SECONDS = 8;
const LONGEST_REPLAY_SECONDS = 60;

export class Playback {
  /** @param {Store} store @param {PlaybackActions} actions */
  constructor(store, { send, speed, live, onChange }) {
    this.store = store;
    this.send = send;
    this.speed = speed;
    this.live = live;
    this.onChange = onChange;
    this.follow = true;
    this.at = 0;
    /** @type {{ index: number, step: number, time: number | null } | null} */
    this.replay = null;
  }

  begin() {
    this.follow = true;
    this.at = 0;
    this.replay = null;
  }

  get frame() {
    const { frames } = this.store;
    return this.follow ? frames.last : (frames.list[frames.indexAt(this.at)] ?? null);
  }

  get atEnd() {
    return this.follow || this.frame === this.store.frames.last;
  }

  /** Whether the run trains for this viewer. */
  get training() {
    const { state } = this.store;
    if (!this.live() || !state || state.playing === false) return false;
    return ["running", "starting", "queued"].includes(state.state);
  }

  get playing() {
    return this.replay !== null || (this.training && this.follow);
  }

  get spent() {
    const { state } = this.store;
    return !this.live() || Boolean(state && ["finished", "diverged", "stopped", "failed"].includes(state.state));
  }

  toggle() {
    if (this.replay) this.stopReplay();
    else if (this.training && this.follow) this.send({ cmd: "pause" });
    else if (this.frame && !this.atEnd) this.startReplay(this.frame.step);
    else if (this.spent) this.startReplay(this.store.frames.first?.step ?? 0);
    else {
      this.follow = true;
      this.send({ cmd: "play" });
    }
    this.onChange();
  }

  /** @param {number} from - a step */
  startReplay(from) {
    const { frames } = this.store;
    if (frames.length < 2) return;
    this.follow = false;
    this.at = from;
    this.replay = { index: frames.indexAt(from), step: from, time: null };
  }

  stopReplay() {
    this.replay = null;
  }

  /**
   * Advance the replay; true while it plays. As fast as it goes, every snapshot has the same time: they are dense where
   * training was slow, so the beginning keeps its room. At a chosen speed it runs by steps.
   * @param {number} now - milliseconds
   */
  tick(now) {
    const { replay, store } = this;
    if (!replay) return false;
    const { list } = store.frames;
    const last = list.length - 1;
    const passed = replay.time === null ? 0 : (now - replay.time) / 1000;
    replay.time = now;
    const speed = this.speed();
    if (speed === 0) {
      replay.index = Math.min(replay.index + (passed * last) / REPLAY_SECONDS, last);
      replay.step = list[Math.floor(replay.index)].step;
    } else {
      // A replay of a long run at a slow training speed would take minutes: it never takes more than one.
      replay.step += passed * Math.max(speed, (list[last].step - list[0].step) / LONGEST_REPLAY_SECONDS);
      replay.index = store.frames.indexAt(replay.step);
    }
    this.at = replay.step;
    if (replay.index >= last) {
      this.stopReplay();
      this.follow = true;
    }
    return true;
  }

  /** @param {number} step */
  seek(step) {
    this.stopReplay();
    this.follow = false;
    this.at = step;
    this.onChange();
  }

  newest() {
    this.stopReplay();
    this.follow = true;
    this.onChange();
  }

  /** Place of the shown frame in the list; -1 where there is none. */
  get index() {
    const { frame } = this;
    return frame ? this.store.frames.list.indexOf(frame) : -1;
  }

  back() {
    if (this.index > 0) this.seek(this.store.frames.list[this.index - 1].step);
  }

  /** Forward to the next frame that is here; at the end the run itself takes a step. @param {string} unit */
  forward(unit) {
    const { frames } = this.store;
    if (!this.atEnd) {
      if (this.index + 1 === frames.length - 1) this.newest();
      else this.seek(frames.list[this.index + 1].step);
    } else if (this.live()) {
      this.follow = true;
      this.send({ cmd: "step", unit });
    }
  }

  first() {
    this.seek(this.store.frames.first?.step ?? 0);
  }

  reset() {
    this.stopReplay();
    if (this.live()) this.send({ cmd: "reset" });
    else this.first();
  }
}
