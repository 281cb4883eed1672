# shellcheck shell=sh
# For the demonstrations, which source it: who runs kelp, and from where.
#
# demo_prepare BUILD sets $user, the unprivileged user for a caller who is root (made when it is not there; empty for any other caller),
# and $stage, a folder that this user can enter, with a copy of the programs; both may be used after it. The stage goes at exit.

demo_prepare()
{
        user=
        [ "$(id -u)" != 0 ] || demo_user
        # That user may not be able to enter the checkout.
        stage=$(mktemp -d /tmp/kelp-demo.XXXXXX)
        trap 'rm -rf "$stage"' EXIT
        chmod 755 "$stage"
        find "$1" -maxdepth 1 -type f -name 'kelp*' -exec cp -t "$stage" {} +
        cd "$stage"
}

demo_user()
{
        user=kelp-demo
        if ! id "$user" >/dev/null 2>&1; then
                echo "Invoked as root: containers are run by an unprivileged user, made for it: $user"
                useradd -m -s /bin/sh "$user"
        else
                echo "Invoked as root: containers are run by the unprivileged user $user"
        fi
        if ! grep -q "^$user:" /etc/subuid || ! grep -q "^$user:" /etc/subgid; then
                first=$(awk -F: '{ if ($2 + $3 > top) top = $2 + $3 } END { print (top > 100000 ? top : 100000) }' /etc/subuid /etc/subgid)
                usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$user"
        fi
}

as_user()
{
        if [ -n "$user" ]; then
                setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all -- env -i PATH="$PATH" \
                        HOME="$(getent passwd "$user" | cut -d: -f6)" "$@"
        else
                "$@"
        fi
}

kelp()
{
        as_user "$stage/kelp" "$@"
}
