# A static binary in an empty image: no shell, no libraries, not root. It writes nothing but what -o names:
#   docker run --rm --read-only -v "$PWD:/work" -u "$(id -u):$(id -g)" ghcr.io/hpasim/hpasim simulate -f k8s/ --load load.csv -o out/
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked && strip -s target/release/hpasim

FROM scratch
COPY --from=build /src/target/release/hpasim /hpasim
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/hpasim"]
