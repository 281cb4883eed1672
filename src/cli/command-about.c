/* What each command says about itself in --help and in its man page: a paragraph and examples. */
#include "cli/command.h"

static const CommandAbout abouts[] = {
        {"run",
         "Makes a container from an image, which is pulled when it is not here, and runs COMMAND in it, or "
         "what the image says "
         "is to be run. The container sees the image's files and none of the host's but what -v and --mount "
         "give it; its root "
         "is nobody special on the host. In the foreground the exit status is that of the command.",
         {{"run --rm -it busybox sh", "A shell in a container that is removed when the shell ends."},
          {"run -d --name web -v ./site:/srv busybox httpd -f -h /srv",
           "A server in the background that sees the folder ./site; 'kelp logs web' shows what it says, "
           "'kelp stop web' ends it."},
          {"run --rm -u 1000:1000 -e GREETING=hello busybox sh -c 'id; echo $GREETING'",
           "Another user and an environment variable for the command."}}},
        {"create",
         "Makes a container as 'kelp run' does, but does not start it: its id is printed, and 'kelp start' "
         "starts it. It takes "
         "the options of 'kelp run'.",
         {{"create --name job busybox sh -c 'echo done'", "A container that waits to be started."},
          {"start job", "Starts it."},
          {"$ id=$(kelp create busybox true) && kelp start $id", "The same by its id."}}},
        {"attach",
         "Joins this terminal, or standard input, output and error, to a container that runs, in the "
         "background or in another terminal. The exit status is the container's. The keys Ctrl-P Ctrl-Q, or "
         "those of --detach-keys or of detachKeys in docker's config.json, leave a container's terminal and "
         "let it run on.",
         {{"attach shell", "Back to the terminal of the container shell."},
          {"attach --no-stdin web", "What web prints from now on; Ctrl-C goes to it."},
          {"attach --sig-proxy=false --no-stdin web", "The same; Ctrl-C only ends the watching."}}},
        {"exec",
         "Runs another command in a container that is running: with its files, its namespaces, its limits "
         "and its "
         "environment. The exit status is the command's; 126 when it cannot be executed, 127 when it is not "
         "there.",
         {{"exec -it web sh", "A shell beside what runs in the container web."},
          {"exec -u 0 -w /tmp web ls -l", "As root of the container, in another folder."},
          {"exec -d web touch /tmp/here", "In the background."}}},
        {"ps",
         "Lists the containers that run; with -a all others too. --filter chooses by a condition, "
         "name=value; "
         "several values of one "
         "name are alternatives, different names must all hold.",
         {{"ps -a", "All containers, those that have ended too."},
          {"ps -a --filter status=exited --format '{{.Names}}: {{.Status}}'",
           "What has ended, and how, one a line."},
          {"$ kelp rm $(kelp ps -aq --filter label=test)", "Removes the containers with the label test."}}},
        {"images",
         "Lists the images in the store, or those that a name means, which may hold * and ?. --filter "
         "chooses by a "
         "condition, name=value.",
         {{"images", "All that have a name, and those that have lost theirs."},
          {"images --filter reference='*:1*' --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
           "Names and sizes of some."},
          {"images -q --filter dangling=true", "The ids of images without a name."}}},
        {"pull",
         "Downloads an image from the registry that its name begins with, docker.io when none does. Each "
         "layer is checked "
         "against its digest and unpacked while it arrives; layers that are here already are not fetched "
         "again.",
         {{"pull debian:bookworm", "From Docker Hub."},
          {"pull localhost:5000/team/app", "From a registry on this machine, which may speak plain HTTP."},
          {"pull --platform linux/arm64 alpine", "The image for another architecture."}}},
        {"push",
         "Uploads an image to the registry that its name begins with. Layers that the registry has are not "
         "sent again.",
         {{"tag app localhost:5000/team/app:1", "Gives the image a name that begins with the registry's."},
          {"push localhost:5000/team/app:1", "Sends it there."}}},
        {"login",
         "Asks the registry whether a user's name and password are good, and keeps them in "
         "~/.docker/config.json, or with the "
         "credentials helper that this file names; docker, podman and skopeo find them there too. SERVER is "
         "docker.io unless "
         "it is given.",
         {{"login registry.example.org", "Asks for name and password."},
          {"$ kelp login -u ci --password-stdin registry.example.org <token",
           "Without a terminal, and without the password in "
           "the list of processes."}}},
        {"logout",
         "Forgets the name and password that 'kelp login' kept for a registry, docker.io unless it is given.",
         {{"logout registry.example.org", "Forgets them."}, {"logout", "Those of Docker Hub."}}},
        {"inspect",
         "Prints all that is known about containers, images or volumes, as a JSON array or by a template. A "
         "name is looked for "
         "among the containers first, then the images, then the volumes, unless --type says which is meant.",
         {{"inspect web", "All of a container, as JSON."},
          {"inspect -f '{{.State.Status}} {{.State.ExitCode}}' web", "Two fields of it."},
          {"inspect -f '{{range .Mounts}}{{println .Source .Destination}}{{end}}' web",
           "Each mount on a line."},
          {"inspect --type image -f '{{json .Config.Env}}' busybox",
           "The environment that an image sets, as JSON."}}},
        {"kill",
         "Sends a signal to the first process of running containers: SIGKILL unless another is given.",
         {{"kill web", "Ends it at once."},
          {"kill -s HUP web", "Many servers read their configuration again at SIGHUP."}}},
        {"logs",
         "Prints what a container has written to its standard output and standard error, each to the same "
         "stream here. With -f "
         "it goes on until the container ends.",
         {{"logs -f --tail 20 web", "The last 20 lines and all that follow."},
          {"logs -t --since 10m web", "What was written in the last ten minutes, with times."},
          {"logs --since 2026-11-24T08:00:00 --until 2026-11-24T09:00:00 web",
           "What was written in one hour."}}},
        {"rename",
         "Gives a container another name. It may be running.",
         {{"rename web old-web", "web is now called old-web."}, {"rename 0a1b2c3d4e5f web", "By its id."}}},
        {"restart",
         "Stops containers as 'kelp stop' does, if they run, and starts them again.",
         {{"restart web", "With the same settings and the same files."},
          {"restart -t 0 web", "Without time for the old process to end by itself."}}},
        {"rm",
         "Removes containers that have ended, with their files and logs. Volumes stay, unless -v removes "
         "those that were made "
         "without a name for this container only.",
         {{"rm web", "Removes a container that has ended."},
          {"rm -f web", "Kills it first when it is running."},
          {"$ kelp rm -v $(kelp ps -aq --filter status=exited)",
           "All that have ended, with their volumes without a name."}}},
        {"start",
         "Starts containers that were created or have ended, in the background, with the settings they were "
         "made with. With -a or -i one of them is started in the foreground, and the exit status is its.",
         {{"start web", "Starts it again."},
          {"start web db", "Both; each that was started is printed."},
          {"start -ai box", "Starts it on this terminal; Ctrl-P Ctrl-Q leaves it running."}}},
        {"stop",
         "Asks containers to end: sends their stop signal, which is SIGTERM unless the image or "
         "--stop-signal says another, and "
         "SIGKILL when they have not ended after some seconds, 10 unless another time is given.",
         {{"stop web", "Lets it end in order."},
          {"stop -t 60 db", "Gives it a minute."},
          {"$ kelp stop $(kelp ps -q)", "All that run."}}},
        {"stats",
         "Shows what running containers use, anew each second: processor time in percent of one CPU, memory, "
         "bytes received and sent on kelp's networks, bytes of disks, processes. The numbers are those of "
         "the "
         "container's control group where it has one of its own, else the sum over its processes.",
         {{"stats", "All that run, until Ctrl-C."},
          {"stats --no-stream --format '{{.Name}} {{.MemUsage}}'", "Once, a line for each."}}},
        {"top",
         "Lists the processes of a running container, with the numbers and users that the host knows them "
         "by.",
         {{"top web", "A line for each process."},
          {"$ for id in $(kelp ps -q); do kelp top $id; done", "The processes of all that run."}}},
        {"wait",
         "Waits until containers have ended and prints the exit status of each.",
         {{"wait job", "Prints its exit status, at once when it has ended already."},
          {"$ id=$(kelp run -d busybox sh -c \'exit 3\'); kelp wait $id", "Prints 3."}}},
        {"history",
         "Lists the steps that an image was made by, newest first, as its configuration tells them.",
         {{"history debian:bookworm", "Each step on a line."},
          {"history --no-trunc --format '{{.CreatedBy}}' debian:bookworm", "The whole command of each."}}},
        {"import",
         "Makes an image of one layer out of the archive of a root file system: a tar file, plain or "
         "compressed, from a file, "
         "an http or https address, or standard input (-). --change sets what Dockerfile instructions would.",
         {{"import rootfs.tar.gz mine:1", "An image called mine:1."},
          {"$ mmdebstrap bookworm | kelp import -c 'CMD [\"bash\"]' - debian:mine",
           "A Debian of one's own."}}},
        {"load",
         "Reads images out of an archive that 'kelp save', 'docker save', podman or skopeo has written, with "
         "the names they have "
         "in it.",
         {{"load -i images.tar", "From a file, which may be compressed."},
          {"$ ssh other kelp save app | kelp load", "From another machine."}}},
        {"rmi",
         "Takes the given names away from images; an image without a name left is removed, with the layers "
         "that no other uses. "
         "An id means the image with all its names, which needs -f when there are several. Images that "
         "containers use stay.",
         {{"rmi app:1", "Removes this name, and the image when it was the last."},
          {"rmi -f 0a1b2c3d4e5f", "The image with all its names."}}},
        {"save",
         "Writes images with all their layers to an archive that 'kelp load', 'docker load', podman and "
         "skopeo read.",
         {{"save -o app.tar app:1", "To a file."},
          {"$ kelp save app:1 db:2 | gzip >both.tar.gz", "Two images to a compressed one."}}},
        {"tag",
         "Gives an image another name beside those it has. When another image has that name, it loses it.",
         {{"tag app:1 app:latest", "app:latest is the same image as app:1 from now on."},
          {"tag 0a1b2c3d4e5f registry.example.org/team/app:1", "A name under which it can be pushed."}}},
        {"image inspect",
         "Prints all that is known about images, as a JSON array or by a template.",
         {{"image inspect busybox", "All of it."},
          {"image inspect -f '{{index .RepoDigests 0}}' debian",
           "The name with the digest it was pulled by."}}},
        {"container inspect",
         "Prints all that is known about containers, as a JSON array or by a template.",
         {{"container inspect web", "All of it."},
          {"container inspect -s -f '{{.SizeRw}}' web", "The bytes that the container has written."}}},
        {"container prune",
         "Removes all containers that do not run, after a question.",
         {{"container prune", "Asks, and removes them."},
          {"container prune -f --filter until=24h", "Those made more than a day ago, without a question."}}},
        {"image prune",
         "Removes images that have no name and that no container uses, after a question; with -a named ones "
         "too.",
         {{"image prune", "Those without a name."},
          {"image prune -a -f", "All that no container uses, without a question."}}},
        {"network capture",
         "Writes every packet on the network's bridge to standard output, in the format of tcpdump and "
         "wireshark.",
         {{"network capture web > web.pcap", "Until it is ended with Control-C."},
          {"$ kelp network capture -c 20 web | tcpdump -nr -", "Twenty packets, read at once."}}},
        {"network connect",
         "Connects a container to one more network: at once when it runs, else at its next start.",
         {{"network connect --alias db back postgres", "The others on back find it as postgres and as db."},
          {"network connect --ip 10.9.0.5 back postgres", "With an address of its choice."}}},
        {"network create",
         "Makes a network: a bridge of its own, whose containers reach each other by address and by name, "
         "and the "
         "world unless it is --internal. Other networks, and the host's loopback, are not reached.",
         {{"network create web", "With a subnet that is free."},
          {"network create --internal --subnet 10.9.0.0/24 back", "One that lets nothing out."},
          {"network create --ipv6 -o mtu=9000 big", "With IPv6 too, and large packets."}}},
        {"network disconnect",
         "Takes a container off a network: at once when it runs.",
         {{"network disconnect web nginx", "Its connections there end."},
          {"network disconnect -f web nginx", "No failure when it is not on it."}}},
        {"network inspect",
         "Prints all that is known about networks, as a JSON array or by a template.",
         {{"network inspect bridge", "All of it, with the containers that are on it."},
          {"network inspect -f '{{(index .IPAM.Config 0).Subnet}}' web", "The subnet."}}},
        {"network ls",
         "Lists the networks. --filter chooses by a condition, name=value; all must hold.",
         {{"network ls", "All."}, {"network ls -q --filter dangling=true", "Those that nothing is on."}}},
        {"network prune",
         "Removes networks that no running container is on, after a question.",
         {{"network prune -f", "Without a question."},
          {"network prune -f --filter label=test", "Those with this label."}}},
        {"network publish",
         "Publishes ports of a running container, in the forms of run -p, and prints what they became.",
         {{"network publish nginx 8080:80", "Port 8080 of the host reaches port 80 of the container."},
          {"network publish dns 127.0.0.1:5353:53/udp", "UDP, from this host only."}}},
        {"network rm",
         "Removes networks. One that a running container is on stays.",
         {{"network rm web", "Removes it."},
          {"network rm -f web back", "No failure for one that is not there."}}},
        {"network unpublish",
         "Ends the publishing of ports of a running container; connections that exist go on.",
         {{"network unpublish nginx 80", "All ports of the host that reach its port 80."},
          {"network unpublish nginx 8080:80", "One of them."}}},
        {"port",
         "Prints where ports of a container are published.",
         {{"port nginx", "All of them."}, {"port nginx 80/tcp", "One."}}},
        {"volume create",
         "Makes a volume: a folder that containers share and that outlives them. 'kelp run -v NAME:/path' "
         "makes it by itself "
         "when it is not there.",
         {{"volume create data", "A volume called data."},
          {"volume create --label keep=yes data", "With a label, by which it can be found."}}},
        {"volume inspect",
         "Prints all that is known about volumes, as a JSON array or by a template.",
         {{"volume inspect data", "All of it."},
          {"volume inspect -f '{{.Mountpoint}}' data", "The folder on the host."}}},
        {"volume ls",
         "Lists the volumes. --filter chooses by a condition, name=value; all must hold.",
         {{"volume ls", "All."},
          {"volume ls -q --filter dangling=true", "The names of those that no container uses."}}},
        {"volume prune",
         "Removes volumes that no container uses, after a question: those made without a name, with -a all "
         "others too.",
         {{"volume prune", "Those without a name."},
          {"volume prune -a -f", "All that are not used, without a question."}}},
        {"volume rm",
         "Removes volumes with what is in them. One that a container uses stays.",
         {{"volume rm data", "Removes it."},
          {"$ kelp volume rm $(kelp volume ls -q)", "All that no container uses."}}},
        {"system df",
         "Shows how much of the disk images, containers and volumes take, and how much 'prune' would free.",
         {{"system df", "A line for each kind."},
          {"system df --format '{{.Type}}: {{.Reclaimable}}'", "What could be freed."}}},
        {"system prune",
         "Removes what is not used, after a question: containers that do not run and images without a name; "
         "with -a all images "
         "that no container uses, with --volumes also volumes made without a name.",
         {{"system prune", "Asks first."},
          {"system prune -a --volumes -f", "All of it, without a question."}}},
        {"completion",
         "Prints a script for a shell, which then completes commands, options and the names of containers, "
         "images and volumes. "
         "An installed kelp has put it where the shells look for it already.",
         {{"$ source <(kelp completion bash)", "In this bash."},
          {"$ kelp completion zsh >~/.zfunc/_kelp", "For zsh, in a folder of its fpath."},
          {"$ kelp completion fish >~/.config/fish/completions/kelp.fish", "For fish."}}},
        {"doctor",
         "Looks at all that kelp needs of this host, by trying it, and says on a line each whether it works, "
         "is degraded and "
         "how, or is missing; and the command that would help, with who must run it. The exit status is 0 "
         "when 'kelp run' can "
         "work here, 1 when it cannot.",
         {{"doctor", "For people."},
          {"doctor --json",
           "For programs: an array of objects with name, status, detail, fix, who and required."}}},
        {"info",
         "Shows what kelp knows about this host and the store: counts, versions, folders.",
         {{"info", "All of it."}, {"info --format '{{.DockerRootDir}}'", "The folder of the store."}}},
        {"version",
         "Shows the version of kelp.",
         {{"version", "For people."}, {"version --format '{{.Client.Version}}'", "The number alone."}}},
};

const CommandAbout *command_about(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(abouts); i++)
                if (text_equal(abouts[i].name, name))
                        return &abouts[i];
        return NULL;
}
