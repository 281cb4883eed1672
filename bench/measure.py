"""What the programs of this folder have in common: a stage for the plain user, runs in turn, medians, and the table."""
import os
import pwd
import resource  # os.wait4 needs it, perhaps when it can no longer be read
import shutil
import statistics
import sys
import tempfile
import time
import traceback

USER = "kelp-test"
PROGRAMS = ["kelp", "kelp-init", "kelp-monitor", "kelp-fetch", "kelp-unpack", "kelp-runtime", "kelp-netd", "kelp-switch", "kelp-default-image.tar"]


class Stage:
    """A folder with copies of the programs, a home and a runtime folder of the plain user; removed at the end."""

    def __init__(self, build):
        self.folder = tempfile.mkdtemp(prefix="kelp-bench.", dir="/tmp")
        os.chmod(self.folder, 0o755)
        account = pwd.getpwnam(USER) if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self.user, self.uid, self.gid = account.pw_name, account.pw_uid, account.pw_gid
        self.programs = os.path.join(self.folder, "build")
        os.mkdir(self.programs)
        for name in PROGRAMS:
            if os.path.exists(os.path.join(build, name)):
                shutil.copy2(os.path.join(build, name), self.programs)
        for name in ("home", "run"):
            path = os.path.join(self.folder, name)
            os.mkdir(path, 0o700)
            self.give(path)
        self.kelp = os.path.join(self.programs, "kelp")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # what belongs to subordinate ids is not a plain user's to remove, but kelp's
        for name in self.output([self.kelp, "ps", "-aq"]).split():
            self.run([self.kelp, "rm", "-f", name])
        shutil.rmtree(self.folder, ignore_errors=True)

    def give(self, folder):
        """Makes the plain user the owner of all that is there."""
        for path, folders, files in os.walk(folder):
            for name in [path, *(os.path.join(path, entry) for entry in folders + files)]:
                os.lchown(name, self.uid, self.gid)

    def become_user(self):
        if os.getuid() == 0:
            os.initgroups(self.user, self.gid)
            os.setresgid(self.gid, self.gid, self.gid)
            os.setresuid(self.uid, self.uid, self.uid)

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": os.path.join(self.folder, "home"),
                "XDG_RUNTIME_DIR": os.path.join(self.folder, "run"), "LC_ALL": "C.UTF-8"}

    def start(self, command, output="/dev/null"):
        """Starts it as the plain user; the pid. A fork, since only a child can change who it is."""
        path = shutil.which(command[0])
        environment = self.environment()
        pid = os.fork()
        if pid:
            return pid
        try:
            self.become_user()
            os.chdir(self.folder)
            null = os.open("/dev/null", os.O_RDONLY)
            out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(null, 0)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.execve(path, command, environment)
        finally:
            os._exit(127)

    def run(self, command, output="/dev/null"):
        """Its exit status."""
        return os.waitstatus_to_exitcode(os.waitpid(self.start(command, output), 0)[1])

    def output(self, command):
        path = os.path.join(self.folder, "home", "output")
        if os.path.exists(path):
            os.unlink(path)
        self.run(command, path)
        with open(path, errors="replace") as file:
            return file.read()


class Launcher:
    """A process of the plain user that starts commands by posix_spawn and times them: its own cost is small and the same
    for all. One for a whole measurement."""

    def __init__(self, stage):
        self.stage = stage

    def in_turn(self, commands, rounds, warm_up=3):
        """{name: command} → {name: (median of wall seconds, median of processor seconds)}, A B C A B C …"""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                self.stage.become_user()
                os.chdir(self.stage.folder)
                with os.fdopen(writer, "w") as report:
                    for line in time_in_turn(commands, rounds, warm_up, self.stage.environment()):
                        print(line, file=report)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(writer)
        wall, cpu = {name: [] for name in commands}, {name: [] for name in commands}
        failed = {name: 0 for name in commands}
        with os.fdopen(reader) as report:
            for line in report:
                name, status, w, c = line.rstrip("\n").split("\t")
                failed[name] += status != "0"
                wall[name].append(float(w))
                cpu[name].append(float(c))
        if os.waitpid(pid, 0)[1] or any(failed.values()):
            sys.exit(f"failed runs: {failed}")
        return {name: (statistics.median(wall[name]), statistics.median(cpu[name])) for name in commands}


def time_in_turn(commands, rounds, warm_up, environment):
    null = os.open("/dev/null", os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, i) for i in range(3)]
    paths = {name: shutil.which(command[0]) for name, command in commands.items()}
    for number in range(-warm_up, rounds):
        for name, command in commands.items():
            begin = time.perf_counter()
            pid = os.posix_spawn(paths[name], command, environment, file_actions=actions)
            _, status, usage = os.wait4(pid, 0)
            end = time.perf_counter()
            if number >= 0:
                yield f"{name}\t{status}\t{end - begin:.7f}\t{usage.ru_utime + usage.ru_stime:.7f}"


def print_table(title, columns, rows):
    width = max([len(title)] + [len(row[0]) for row in rows]) + 2
    print(f"{title:<{width}}" + "".join(f"{column:>14}" for column in columns))
    for row in rows:
        print(f"{row[0]:<{width}}" + "".join(f"{cell:>14}" for cell in row[1:]), flush=True)
    print()
