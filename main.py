"""Navigation over the pages."""

import streamlit as st

st.set_page_config(page_title="Offline RL Explorer", layout="wide")
page = st.navigation([st.Page("pages/playground.py", title="Playground", default=True)], position="top")
page.run()
