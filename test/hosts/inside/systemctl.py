#!/usr/bin/python3
"""Stands in for systemd where it cannot run: starts, stops and boots services by the commands and the ordering of their units.
Enabling and the like are left to the real systemctl, which needs no systemd for that."""
import glob, os, re, shlex, signal, socket, subprocess, sys, time

STATE, REAL = '/run/units', '/usr/bin/systemctl'
# Of a machine, not of a test host. Docker's socket is opened by dockerd itself.
SKIPPED = re.compile(r'^(systemd-|e2scrub|getty|remote-fs|sshd-keygen)|\.(socket|timer|target)$')


def name_of(name):
    name = name if '.' in name else name + '.service'
    path = path_of(name)
    return os.path.basename(os.path.realpath(path)) if path else name


def path_of(name):
    return next((p for p in (f'{d}/{name}' for d in ('/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system')) if os.path.exists(p)), None)


def read(name):
    """All values of a unit, by key: a list each."""
    unit = {}
    path = path_of(name)
    if not path:
        sys.exit(f'Failed to find {name}: Unit {name} not found.')
    for file in [path, *sorted(glob.glob(f'/etc/systemd/system/{name}.d/*.conf'))]:
        for line in open(file).read().replace('\\\n', ' ').splitlines():
            if '=' in line and line[0] not in '#;[':
                key, value = line.split('=', 1)
                unit[key.strip()] = (unit.get(key.strip(), []) + [value.strip()]) if value.strip() else []
    return unit


def words(unit, key):
    return [name_of(word) if not word.endswith('.target') else word for value in unit.get(key, []) for word in value.split()]


def wanted_by(name):
    wants = {name_of(os.path.basename(p)) for kind in ('wants', 'requires') for p in glob.glob(f'/etc/systemd/system/{name}.{kind}/*')}
    return sorted(w for w in wants if not SKIPPED.search(w) and path_of(w))


def units():
    return {os.path.basename(p) for p in glob.glob('/etc/systemd/system/*.service')}


def environment(unit):
    env = dict(os.environ)
    for file in unit.get('EnvironmentFile', []):
        if os.path.exists(file.lstrip('-')):
            env.update(line.split('=', 1) for line in open(file.lstrip('-')).read().splitlines() if re.match(r'^\w+=', line))
    for value in unit.get('Environment', []):
        env.update(word.split('=', 1) for word in shlex.split(value))
    return env


def arguments(command, env):
    command = command.replace('-H fd://', '-H unix:///run/docker.sock')
    return [word for part in shlex.split(command.lstrip('-@+!')) for word in (env.get(part[1:].strip('{}'), '').split() if part.startswith('$') else [part])]


def succeeds(command, env):
    try:
        return subprocess.run(arguments(command, env), env=env, stdin=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def run_all(unit, key, pid=''):
    env = {**environment(unit), 'MAINPID': pid}
    return all(succeeds(command, env) or command.startswith('-') for command in unit.get(key, []))


def active(name):
    try:
        pid = open(f'{STATE}/{name}').read()
    except OSError:
        return None
    return pid if pid == '' or os.path.exists(f'/proc/{pid}') else None


def start(name, wants=True):
    if SKIPPED.search(name):
        return True
    unit = read(name)
    os.makedirs(STATE, exist_ok=True)
    for other in words(unit, 'Wants') + words(unit, 'Requires'):
        if not SKIPPED.search(other) and path_of(other) and active(other) is None:
            start(other)
    done = active(name) is not None or launch(name, unit)
    for other in wanted_by(name) if done and wants else []:
        start(other)
    return done


def launch(name, unit):
    kind = unit.get('Type', ['simple'])[-1]
    for directory in words(unit, 'RuntimeDirectory'):
        os.makedirs('/run/' + directory.removesuffix('.service'), exist_ok=True)
    if not run_all(unit, 'ExecStartPre'):
        return False
    if kind == 'oneshot':
        if not run_all(unit, 'ExecStart'):
            return False
        open(f'{STATE}/{name}', 'w').close()
        return True
    env = environment(unit)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    env['NOTIFY_SOCKET'] = f'/run/notify-{os.getpid()}-{name}'
    listener.bind(env['NOTIFY_SOCKET'])
    log = open(f'/var/log/{name}.log', 'ab')
    process = subprocess.Popen(arguments(unit['ExecStart'][-1], env), env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    ready = is_ready(kind, unit, listener, process)
    os.unlink(env['NOTIFY_SOCKET'])
    if ready:
        open(f'{STATE}/{name}', 'w').write(str(process.pid))
        run_all(unit, 'ExecStartPost', str(process.pid))
    return ready


def is_ready(kind, unit, listener, process):
    listener.settimeout(0.2)
    for _ in range(300):
        if process.poll() is not None:
            return False
        if kind == 'dbus' and subprocess.run(['dbus-send', '--system', '--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.GetNameOwner', 'string:' + unit['BusName'][-1]], capture_output=True).returncode == 0:
            return True
        if kind not in ('notify', 'dbus'):
            return True
        try:
            if b'READY=1' in listener.recv(4096):
                return True
        except TimeoutError:
            pass
    return False


def stop(name):
    pid = active(name)
    if pid is None:
        return
    for other in units():
        if name in words(read(other), 'PartOf'):
            stop(other)
    unit = read(name)
    run_all(unit, 'ExecStop', pid)
    if pid:
        try:
            os.kill(int(pid), signal.SIGTERM)
            for _ in range(300):
                os.kill(int(pid), 0)
                if open(f'/proc/{pid}/stat').read().split(') ')[1][0] == 'Z':
                    break
                time.sleep(0.1)
        except (ProcessLookupError, FileNotFoundError):
            pass
    os.unlink(f'{STATE}/{name}')
    run_all(unit, 'ExecStopPost')


def restart(name):
    parts = [other for other in units() if active(other) is not None and name in words(read(other), 'PartOf')]
    stop(name)
    return all([start(unit) for unit in [name, *parts]])


def reload(name):
    unit = read(name)
    done = run_all(unit, 'ExecReload', active(name) or '')
    for other in units():
        if active(other) is not None and name in words(read(other), 'ReloadPropagatedFrom'):
            done = reload(other) and done
    return done


def boot():
    """Starts what is enabled, in the order of After= and Before=, through targets as well."""
    wanted = [u for t in ('sysinit.target', 'basic.target', 'multi-user.target') for u in wanted_by(t)]
    after = {}
    for unit in wanted:
        parsed = read(unit)
        after.setdefault(unit, set()).update(words(parsed, 'After'))
        for other in words(parsed, 'Before'):
            after.setdefault(other, set()).add(unit)
    seen = set()

    def visit(unit):
        if unit in seen:
            return
        seen.add(unit)
        for other in sorted(after.get(unit, ())):
            visit(other)
        if unit in wanted and not start(unit, wants=False):
            print(f'boot: {unit} failed', file=sys.stderr)

    for unit in wanted:
        visit(unit)


def main():
    options = [a for a in sys.argv[1:] if a.startswith('-')]
    verb, *names = [a for a in sys.argv[1:] if not a.startswith('-')] or ['status']
    names = [name_of(name) for name in names]
    if verb == 'boot':
        return boot()
    if verb == 'daemon-reload':
        return None
    if verb in ('start', 'restart', 'reload', 'stop'):
        acts = {'start': start, 'restart': restart, 'reload': reload, 'stop': lambda name: stop(name) or True}
        failed = [name for name in names if not acts[verb](name)]
        sys.exit(f'Job for {" ".join(failed)} failed.' if failed else 0)
    if verb in ('is-active', 'is-failed'):
        states = ['active' if active(name) is not None else 'inactive' for name in names]
        if '--quiet' not in options and '-q' not in options:
            print('\n'.join(states))
        sys.exit(0 if set(states) == {'active'} else 3)
    now = '--now' in options
    if now and verb == 'disable':
        for name in names:
            stop(name)
    code = subprocess.run([REAL, verb, *(o for o in options if o != '--now'), *names]).returncode
    sys.exit(code if code or not now or verb != 'enable' else 0 if all([start(name) for name in names]) else 1)


main()
