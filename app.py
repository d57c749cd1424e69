"""Entry point: `streamlit run app.py`."""

import streamlit as st

app = st.App("main.py")
