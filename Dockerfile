# The app on Debian, with PyTorch for the processor and without root. docs/serve.md says how it is run; `.ci/image` carries
# these steps out on a bare Debian where no image can be built.

FROM debian:bookworm-slim AS build
ARG TORCH="--index-url https://download.pytorch.org/whl/cpu torch==2.13.0"
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv
RUN python3 -m venv /opt/offrl
RUN /opt/offrl/bin/pip install --no-cache-dir $TORCH
COPY pyproject.toml README.md LICENSE /src/
COPY offrl_core /src/offrl_core
COPY offrl_live /src/offrl_live
COPY offrl_lecture /src/offrl_lecture
COPY offrl_ui /src/offrl_ui
COPY offrl_web /src/offrl_web
RUN /opt/offrl/bin/pip install --no-cache-dir "/src[redis]"

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/offrl /opt/offrl
COPY app.py main.py /app/
COPY pages /app/pages
COPY .streamlit /app/.streamlit
WORKDIR /app
# Nothing is written but to /tmp, which may be the only writable folder.
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OFFRL_LOG=json
USER 10001:10001
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD /opt/offrl/bin/python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"
CMD ["/opt/offrl/bin/streamlit", "run", "app.py", "--server.headless=true", "--server.address=0.0.0.0", "--server.port=8501"]
