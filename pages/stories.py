"""Stories: guided runs on the real stage, and a place to write one and pass it on."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from offrl_ui.setup import links
from offrl_ui.setup.memory import STORY
from offrl_ui.shared.qr import qr_svg
from offrl_ui.shared.theme import page_heading
from offrl_ui.shared.widgets import drawing
from offrl_ui.stories.story import MOST_BYTES, StoryError, from_link, in_link, known, names, parse, template

PLAYGROUND = "pages/playground.py"
TEXT = "story-text"


def tell(part: str) -> None:
    """Open the playground with a story."""
    st.switch_page(PLAYGROUND, query_params={STORY: part})


def opened() -> None:
    """A file was chosen: its text is there to be read, checked and changed."""
    given = st.session_state["story-file"]
    if given is None:
        return
    data = given.read(MOST_BYTES + 1)
    st.session_state["story-refused"] = ""
    try:
        if len(data) > MOST_BYTES:
            raise StoryError(f"a story of more than {MOST_BYTES:,} bytes is too long")
        st.session_state[TEXT] = data.decode()
    except (StoryError, UnicodeDecodeError) as error:
        st.session_state["story-refused"] = f"{given.name[:60]} was not opened: {error}"


def write() -> None:
    """The place to write a story."""
    if TEXT not in st.session_state:
        asked = st.query_params.get("edit", "")
        try:
            st.session_state[TEXT] = from_link(asked) if asked else template()
        except StoryError as error:
            st.session_state[TEXT] = template()
            st.session_state["story-refused"] = str(error)
    st.file_uploader("Open a story from a file", type=["toml"], key="story-file", on_change=opened, max_upload_size=1)
    if refused := st.session_state.get("story-refused"):
        st.error(links.plain(refused), icon=":material/error:")
    text = st.text_area("The story, as TOML text", key=TEXT, height=420, max_chars=MOST_BYTES)
    try:
        story = parse(text)
    except StoryError as error:
        st.error(links.plain(f"{error}."), icon=":material/rule:")
        return
    st.success(links.plain(f"“{story.title}” can be told: {len(story.steps)} steps."), icon=":material/check:")
    with st.container(horizontal=True):
        try:
            part = in_link(text)
        except StoryError as error:
            part = ""
            st.warning(links.plain(f"{error}."), icon=":material/rule:")
        if part and st.button("Try it", type="primary", icon=":material/play_circle:"):
            tell(part)
        st.download_button("Save as a file", text, "story.toml", "text/plain", icon=":material/download:")
    if not part:
        return
    st.markdown("**The link to this story**, for a message or the lecture's page:")
    address = f"{(st.context.url or '').split('?')[0].removesuffix('stories')}?{urlencode({STORY: part})}"
    st.code(address, language=None, wrap_lines=True)
    if len(address) <= 2_000:
        narrow, _ = st.columns([1, 5])
        with narrow:
            drawing(qr_svg(address), "QR code of this link", key="story-code")
    else:
        st.caption("The link is too long for a QR code: pass on the link, or the file.")


page_heading(
    "Stories", "Guided runs on the real stage: each step says what to watch for, and waits until it is measured."
)
for name in names():
    story = known(name)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{links.plain(story.title)}** {links.plain(story.sentence)}", width="stretch")
        if st.button("Begin", key=f"begin {name}", icon=":material/auto_stories:"):
            tell(name)
st.subheader("Write your own")
st.caption("What a step may hold is described in docs/write-a-story.md. Nothing is kept here: the link is the story.")
write()
