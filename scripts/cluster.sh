#!/usr/bin/env bash
# cluster.sh build|up|down|status: a Kubernetes cluster of one node on this machine, of real parts, for the tests.
#
# `build` makes the programs that no package has (tests/engines/k8s), once; it takes some minutes. `up` starts all in
# seconds, ends when the node is Ready, and prints where to find it as NAME=VALUE lines (`status` prints them
# too); it does nothing where the cluster runs. `down` stops what `up` started and removes all its traces.
# Everything is kept in ${ATOMICAPP_CLUSTER_DIR}, by default /var/lib/atomicapp-cluster. Only root may start it.
set -euo pipefail
# a daemon outlives the session whose runtime folder this is; runc would look for it at each exec
unset XDG_RUNTIME_DIR
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH=$PATH:/usr/sbin:/sbin
files=$PWD/tests/engines/k8s
dir=${ATOMICAPP_CLUSTER_DIR:-/var/lib/atomicapp-cluster}
node=node1
bridge=aap-cni0          # and the name of the network in the rules that CNI's plugins make
pods=10.245.0.0/16       # not 10.88 and 10.89: Podman's
services=10.96.0.0/16
registry=localhost:15000
etcd=http://127.0.0.1:23790
port=16443

say() { echo "cluster.sh: $*" >&2; }
alive() { [ -s "$dir/pids/$1" ] && kill -0 "$(cat "$dir/pids/$1")" 2>/dev/null && is_ours "$(cat "$dir/pids/$1")"; }
# a pid may be another program's by now: ours carry the folder in their environment
is_ours() { grep -qzx "ATOMICAPP_CLUSTER=$dir" "/proc/$1/environ" 2>/dev/null; }

start() { # NAME PROGRAM ARGUMENT...: in a session of its own, the pid kept, the output in a log
    local name=$1
    shift
    ATOMICAPP_CLUSTER=$dir setsid "$@" </dev/null >"$dir/logs/$name" 2>&1 9>&- &
    local pid=$!
    echo $pid >"$dir/pids/$name"
    until is_ours $pid || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done # its environment is that of bash at first
}

stop() { # NAME: at once, since nothing that it holds is to last
    if alive "$1"; then
        local pid
        pid=$(cat "$dir/pids/$1")
        kill -9 "$pid" 2>/dev/null || true
        while is_ours "$pid"; do sleep 0.02; done # a zombie has no environment
    fi
    rm -f "$dir/pids/$1"
}

await() { # NAME SECONDS COMMAND...: until the command succeeds; the end of NAME's log when it does not
    local name=$1 limit=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge "$limit" ] || ! alive "$name"; then
            say "$name does not get ready; the end of its log:"
            tail -n 15 "$dir/logs/$name" >&2
            return 1
        fi
        sleep 0.1
    done
}

api() { # PATH [CURL'S ARGUMENTS]: ask the API server
    curl -fsS --noproxy '*' --max-time 10 --cacert "$dir/certs/apiserver.crt" --config "$dir/curl" "${@:2}" "https://$address:$port$1"
}
node_ready() { api "/api/v1/nodes/$node" | tr -d ' \n' | grep '"reason":"KubeletReady"' >/dev/null; }
account_there() { api /api/v1/namespaces/default/serviceaccounts/default; }
bridge_address() { ip -4 -o address show docker0 2>/dev/null | sed -n 's/.* inet \([0-9.]*\).*/\1/p'; }
fill() { sed -e "s|@DIR@|$dir|g" -e "s|@ADDRESS@|$address|g" -e "s|@PORT@|$port|g" -e "s|@TOKEN@|$token|g" \
    -e "s|@REGISTRY@|$registry|g" -e "s|@REGISTRY_PORT@|${registry#*:}|g" -e "s|@BRIDGE@|$bridge|g" -e "s|@PODS@|$pods|g" "$files/$1"; }

programs=(kube-proxy kube-scheduler kube-controller-manager kubelet coredns containerd kube-apiserver etcd registry)

status() {
    local name
    for name in "${programs[@]}"; do alive "$name" || return 1; done
    cat "$dir/cluster.env"
}

certificates() { # a CA for clients with one client, an administrator; the server makes its own
    (
        cd "$dir/certs"
        openssl ecparam -name prime256v1 -genkey -noout -out client-ca.key
        openssl req -x509 -new -key client-ca.key -days 30 -subj "/CN=clients" -out client-ca.crt
        openssl ecparam -name prime256v1 -genkey -noout -out client.key
        openssl req -new -key client.key -subj "/O=system:masters/CN=certified-admin" -out client.csr
        openssl x509 -req -in client.csr -days 30 -CA client-ca.crt -CAkey client-ca.key -CAcreateserial -out client.crt
        openssl genrsa -out sa.key 2048
    ) >"$dir/logs/openssl" 2>&1 || { tail -n 5 "$dir/logs/openssl" >&2 && return 1; }
}

pause_image() { # what holds a pod's network: it sleeps
    local busybox
    busybox=$(command -v busybox) || { say "busybox-static is missing"; return 1; }
    mkdir -p "$dir/pause"
    cp "$busybox" "$dir/pause/busybox"
    printf 'FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT ["/bin/busybox", "sleep", "2147483647"]\n' >"$dir/pause/Dockerfile"
    DOCKER_BUILDKIT=0 docker build --quiet --tag $registry/pause:1 "$dir/pause" >"$dir/logs/pause" 2>&1 &&
        docker push $registry/pause:1 >>"$dir/logs/pause" 2>&1 ||
        { tail -n 5 "$dir/logs/pause" >&2 && return 1; }
    docker rmi $registry/pause:1 >/dev/null
}

up() {
    if status; then return; fi
    down # one that was not stopped well
    local needed missing=() token built kube dns address
    for needed in docker containerd etcd docker-registry iptables ip conntrack ethtool socat openssl curl busybox runc; do
        command -v "$needed" >/dev/null || missing+=("$needed")
    done
    [ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
    if [ ${#missing[@]} -gt 0 ]; then
        say "missing: ${missing[*]} (Debian, Ubuntu: scripts/packages.sh test)"
        return 1
    fi
    if ! built=$("$files/build.sh" --look kube dns); then
        say "its programs are not built yet; this takes some minutes, once: scripts/cluster.sh build"
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        say "only root may start it"
        return 1
    fi
    if iptables -t nat -S KUBE-SERVICES >/dev/null 2>&1; then
        say "another Kubernetes node seems to run on this machine: iptables has its rules (chain KUBE-SERVICES)"
        return 1
    fi
    ATOMICAPP_ENGINE_DIR=$dir/engine scripts/engine.sh up 9>&-
    address=$(bridge_address)
    [ -n "$address" ] || { say "the Docker Engine has no bridge docker0 on this machine; the cluster uses its address"; return 1; }
    { read -r kube && read -r dns; } <<<"$built"
    token=$(openssl rand -hex 16)

    mkdir -p -m 700 "$dir" "$dir"/{pids,logs,certs,cni,kubelet,blobs,volumes}
    trap 'say "not started; removing what was"; down' EXIT
    echo "header = \"Authorization: Bearer $token\"" >"$dir/curl"
    echo "$token,admin,1,system:masters" >"$dir/tokens.csv"
    echo "nameserver $address" >"$dir/resolv.conf"
    for needed in containerd.toml kubelet.yaml Corefile registry.yml kubeconfig cluster.env; do fill $needed >"$dir/$needed"; done
    fill bridge.conflist >"$dir/cni/10-bridge.conflist"
    certificates

    # The first `ip netns add` on a machine turns /run/netns into a mount of its own. Namespaces of pods that are there
    # already get hidden below it, can't be unmounted any more, and their pods never end. So it is turned before.
    ip netns add "$bridge"
    ip netns delete "$bridge"
    start etcd etcd --data-dir "$dir/etcd" --listen-client-urls $etcd --advertise-client-urls $etcd \
        --listen-peer-urls http://127.0.0.1:23800
    start kube-apiserver "$kube" kube-apiserver --etcd-servers=$etcd --bind-address="$address" --secure-port=$port \
        --cert-dir="$dir/certs" --client-ca-file="$dir/certs/client-ca.crt" --token-auth-file="$dir/tokens.csv" \
        --service-account-key-file="$dir/certs/sa.key" --service-account-signing-key-file="$dir/certs/sa.key" \
        --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range=$services \
        --authorization-mode=Node,RBAC --allow-privileged=true --kubelet-preferred-address-types=InternalIP \
        --kubelet-client-certificate="$dir/certs/client.crt" --kubelet-client-key="$dir/certs/client.key"
    start registry docker-registry serve "$dir/registry.yml"
    start containerd containerd -c "$dir/containerd.toml"
    await registry 20 curl -fsS --noproxy '*' http://$registry/v2/
    pause_image
    await kube-apiserver 60 api /readyz
    start kube-controller-manager "$kube" kube-controller-manager --kubeconfig="$dir/kubeconfig" --leader-elect=false --bind-address=127.0.0.1 \
        --service-account-private-key-file="$dir/certs/sa.key" --use-service-account-credentials=true \
        --root-ca-file="$dir/certs/apiserver.crt" --pvclaimbinder-sync-period=1s --kube-api-qps=100 --kube-api-burst=200
    start kube-scheduler "$kube" kube-scheduler --kubeconfig="$dir/kubeconfig" --leader-elect=false \
        --bind-address=127.0.0.1
    start coredns "$dns" -conf "$dir/Corefile"
    await containerd 20 test -S "$dir/containerd/containerd.sock"
    start kubelet "$kube" kubelet --config="$dir/kubelet.yaml" --kubeconfig="$dir/kubeconfig" --hostname-override=$node \
        --node-ip="$address" --root-dir="$dir/kubelet" --cert-dir="$dir/certs/kubelet"
    start kube-proxy "$kube" kube-proxy --kubeconfig="$dir/kubeconfig" --hostname-override=$node \
        --cluster-cidr=$pods --proxy-mode=iptables --conntrack-max-per-core=0 --healthz-bind-address=127.0.0.1:10256
    await kubelet 60 node_ready
    await kube-controller-manager 60 account_there
    await coredns 30 curl -fsS --noproxy '*' http://127.0.0.1:18182/ready
    trap - EXIT
    status
}

has_pods() { api "/api/v1/pods?limit=1" | grep '"uid"' >/dev/null; }

down() {
    [ -d "$dir" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        say "only root may stop it"
        return 1
    fi
    trap - EXIT
    local address space
    address=$(sed -n 's/^NODE_IP=//p' "$dir/cluster.env" 2>/dev/null || true)
    stop kube-controller-manager # it would make new pods
    stop kube-scheduler
    if alive kube-apiserver && alive kubelet; then
        # the kubelet removes pods best: containers, mounts, addresses and rules
        for space in $(api /api/v1/namespaces | sed -n 's|.*"kubernetes.io/metadata.name": "\([^"]*\)".*|\1|p' | sort -u); do
            api "/api/v1/namespaces/$space/pods?gracePeriodSeconds=1" -X DELETE -o /dev/null || true
        done
        for _ in $(seq 100); do
            has_pods || break
            sleep 0.2
        done
    fi
    clean
}

clean() { # all traces, also of a cluster that was killed
    local name pid what
    for name in "${programs[@]}"; do stop "$name"; done
    # shims of containers that are left, and what runs below them
    for pid in $(pgrep -f "containerd-shim.* -address $dir/containerd/containerd.sock" || true); do
        pkill -9 -P "$pid" || true
        kill -9 "$pid" 2>/dev/null || true
    done
    for what in /run/netns/cni-*; do
        if [ -e "$what" ] && ip netns exec "${what##*/}" ip -4 -o address | grep "inet ${pods%.*.*}\." >/dev/null; then
            ip netns delete "${what##*/}" || true
        fi
    done 2>/dev/null
    # the deepest mounts first
    awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | while read -r what; do umount -l "$what" || true; done
    ip link delete $bridge 2>/dev/null || true
    rules iptables
    rules ip6tables
    for what in /var/lib/cni/results/$bridge-*; do
        name=${what#*/$bridge-}
        rm -f "$what" "/var/lib/cni/results/cni-loopback-${name%-*}-lo"
    done
    find /var/log/containers -maxdepth 1 -lname "$dir/*" -delete 2>/dev/null || true
    # the kubelet makes these wherever its folder is
    rm -f /var/lib/kubelet/device-plugins/{DEPRECATION,kubelet.sock,kubelet_internal_checkpoint}
    rmdir /var/lib/kubelet/device-plugins /var/lib/kubelet /var/log/containers 2>/dev/null || true
    find /sys/fs/cgroup -maxdepth 3 -depth -type d -path '*/k8s.io*' -exec rmdir {} + 2>/dev/null || true
    ATOMICAPP_ENGINE_DIR=$dir/engine scripts/engine.sh down
    rm -rf --one-file-system "$dir"
}

rules() { # iptables|ip6tables: remove those of kube-proxy and the kubelet, and those of CNI's plugins for pods
    local table saved chains
    local pod="$bridge|[ !]${pods%.*.*}\."
    for table in nat filter mangle; do
        saved=$("$1-save" -t $table 2>/dev/null) || continue
        chains=$({
            grep -oE '^:KUBE-[^ ]+' <<<"$saved" || true
            grep -E -- "$pod" <<<"$saved" | grep -oE ' CNI-(DN-)?[0-9a-f]{20,}' || true
        } | tr -d ': ' | sort -u)
        {
            echo "*$table"
            # first what leads to the chains, then what is in them, then they themselves
            grep -E -- "^-A .*(-j KUBE-|$pod)" <<<"$saved" | sed 's/^-A/-D/' || true
            [ -z "$chains" ] || sed 's/^/-F /' <<<"$chains"
            [ -z "$chains" ] || sed 's/^/-X /' <<<"$chains"
            echo COMMIT
        } | "$1-restore" --noflush -w || say "rules are left in the table $table of $1"
    done
}

lock() { # one at a time
    exec 9>/run/lock/atomicapp-cluster.lock
    flock 9
}

case ${1:-} in
build) "$files/build.sh" kube dns >/dev/null ;;
up)
    lock
    up
    ;;
down)
    lock
    down
    ;;
status) status || { say "it does not run" && exit 1; } ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
