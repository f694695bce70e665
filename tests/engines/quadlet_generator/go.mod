module quadlet

go 1.24.0

require github.com/containers/podman/v5 v5.6.2

require (
	github.com/containers/podman/v4 v4.9.5 // indirect
	github.com/containers/storage v1.59.1 // indirect
)

tool (
	github.com/containers/podman/v4/cmd/quadlet
	github.com/containers/podman/v5/cmd/quadlet
)
