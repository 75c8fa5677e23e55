# mien: the command line, and the server on port 8765. No network is asked for anything when it runs.
#
#   docker build -t mien .
#   docker run --rm -v "$PWD:/work" mien analyze interview.mp4 --out results
#   docker run --rm -p 127.0.0.1:8765:8765 -v mien-data:/data mien      # serve; the log has the link with the token
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
COPY js js
COPY configs configs
COPY recipes recipes
RUN python -m venv /opt/mien \
 && /opt/mien/bin/pip install --no-cache-dir -c constraints.txt ".[serve,study]"

FROM python:3.12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/mien /opt/mien
RUN useradd --create-home mien && mkdir /data /work && chown mien /data /work
USER mien
WORKDIR /work
VOLUME /data
EXPOSE 8765
ENTRYPOINT ["/opt/mien/bin/mien"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
