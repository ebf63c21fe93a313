import Diagnostics
import LinuxKernel
import Testing

/// What a person is told when it does not work: one sentence each, exact, with what to do; exit status 125; and
/// nothing left behind.
@Suite("Refusals")
struct RefusalTests {
    private let program: TestProgram

    init() throws {
        program = try TestProgram()
        try program.importImage()
    }

    @Test(
        "a bad request is refused with one exact sentence",
        arguments: [
            (
                "run nosuch true",
                "cannot find the image nosuch: the image store does not have it; see 'bulkhead image ls', or import it "
                    + "with 'bulkhead image import'"
            ),
            (
                "run UPPER true",
                "cannot use the image name UPPER: 'UPPER' is not allowed in a name; use lower-case letters"
            ),
            (
                "run --memory lots box true",
                "cannot use --memory lots: it is not a size; write a number of bytes, or one with k, m, g or t such as "
                    + "512m or 1.5g"
            ),
            (
                "run --cap-add FLY box true",
                "cannot use capability FLY: no capability has this name; use a name from capabilities(7) such as "
                    + "NET_ADMIN, or ALL"
            ),
            (
                "run --user nobody-here box true",
                "cannot run as the user nobody-here: the image's /etc/passwd does not have it; use a number, or a user "
                    + "the image has"
            ),
            (
                "run -v /no/such/place:/data box true",
                "cannot mount the volume /no/such/place: there is no such file or directory on the host; make it "
                    + "first: mkdir -p /no/such/place"
            ),
            (
                "run -v /etc/passwd/x:/data box true",
                "cannot mount the volume /etc/passwd/x: open on /etc/passwd/x returned ENOTDIR (20); run as a user who "
                    + "can reach it"
            ),
            (
                "run -v /proc/sys:/data box true",
                "cannot mount the volume /proc/sys: the host's /proc opens the host to the container; give a directory "
                    + "made for this purpose"
            ),
            (
                "run --workdir here box true",
                "cannot use --workdir here: it is not an absolute path; begin it with /"
            ),
            (
                "run --name -x box true",
                "cannot name a container -x: a name has 1 to 64 letters, digits, '_', '.' or '-' and starts with a "
                    + "letter or digit; choose another name"
            ),
            (
                "run -d -i box true",
                "cannot use --interactive true: with --detach nobody is there to write to the task; leave one of them "
                    + "out, or add --tty"
            ),
            (
                "run --fly box true",
                "cannot understand the command line: unknown option '--fly'; see 'bulkhead run --help'"
            ),
            ("frob", "cannot understand the command line: there is no command 'frob'; see 'bulkhead --help'"),
            (
                "image frob",
                "cannot understand the command line: there is no command 'frob'; see 'bulkhead image --help'"
            ),
            (
                "run --memry 64m box true",
                "cannot understand the command line: unknown option '--memry'; did you mean --memory? see 'bulkhead "
                    + "run --help'"
            ),
            (
                "stop --tiem=3 nobody",
                "cannot understand the command line: unknown option '--tiem'; did you mean --time? see 'bulkhead stop "
                    + "--help'"
            ),
            (
                "image improt x.tar",
                "cannot understand the command line: there is no command 'improt'; did you mean import? see 'bulkhead "
                    + "image --help'"
            ),
            (
                "taks ls", "cannot understand the command line: there is no command 'taks'; did you mean task? see "
                    + "'bulkhead --help'"
            ),
            ("help frob", "cannot understand the command line: there is no command 'frob'; see 'bulkhead --help'"),
            ("frob --help", "cannot understand the command line: there is no command 'frob'; see 'bulkhead --help'"),
            (
                "help image improt",
                "cannot understand the command line: there is no command 'improt'; did you mean import? see 'bulkhead "
                    + "image --help'"
            ),
            (
                "network create x",
                "cannot understand the command line: there is no command 'create'; see 'bulkhead network --help'"
            ),
            (
                "run -p 80:80 --network host box true",
                "cannot use --publish 80:80: network host has nothing of the kind; use --network bridge, or leave it "
                    + "out"
            ),
            (
                "run --ip 10.0.0.1 box true",
                "cannot use --ip 10.0.0.1: network none has nothing of the kind; add --network bridge"
            ),
            (
                "run --allow-to-host box true",
                "cannot use --allow-to-host: network none has nothing of the kind; add --network bridge"
            ),
            (
                "image import /etc/hostname",
                "cannot read the tar archive /etc/hostname: Unrecognized archive format; the archive is damaged; "
                    + "export or download it again"
            ),
            (
                "--store= ps",
                "cannot understand the command line: missing value for '--store <store>'; see 'bulkhead ps --help'"
            ),
            (
                "ps --filter state=foo",
                "cannot use --filter state=foo: there is no such state; known are creating, running, paused, ended"
            ),
            (
                "run --pids-limit -2 box true",
                "cannot use --pids-limit -2: it is not a whole number from -1 to 4194304; give a count, or 0 or -1 for "
                    + "no limit"
            ),
            ("ps --fly", "cannot understand the command line: unknown option '--fly'; see 'bulkhead ps --help'"),
            (
                "stop nobody",
                "cannot find container nobody: there is none of that name or id; see all with: bulkhead ps --all"
            ),
            (
                "kill -s FLY nobody",
                "cannot use --signal FLY: there is no such signal; use a name or number of signal(7), such as TERM"
            ),
            (
                "image rm nosuch",
                "cannot find the image nosuch: the image store does not have it; see 'bulkhead image ls', or import it "
                    + "with 'bulkhead image import'"
            ),
            (
                "image import /no/such.tar",
                "cannot open the image /no/such.tar: open on /no/such.tar returned ENOENT (2); check the path; it "
                    + "should be an archive made by 'docker save' or an OCI image layout"
            ),
        ])
    func sentence(_ line: String, _ sentence: String) throws {
        let outcome = try program.run(line.split(separator: " ").map(String.init))
        #expect(outcome.error == "bulkhead: \(sentence)\n")
        #expect(outcome.status == 125 && outcome.output.isEmpty)
        try expectNothingLeft()
    }

    @Test("a command the image does not have is 127, one that cannot be executed 126")
    func commands() throws {
        let missing = try program.run("run", "--rm", "box", "nosuch")
        #expect(missing.status == 127)
        #expect(
            missing.error
                == "bulkhead: cannot execute nosuch: ENOENT (2); name a program of the image, by its full path "
                + "if it is not in PATH\n")
        let data = try program.run("run", "--rm", "box", "/etc/data")
        #expect(data.status == 126)
        #expect(
            data.error == "bulkhead: cannot execute /etc/data: EACCES (13); the file must be executable for the task's "
                + "user, and not on a noexec mount\n")
        let unnamed = try program.run("run", "--rm", "box", "")
        #expect(unnamed.status == 127)
        #expect(
            unnamed.error == "bulkhead: cannot execute the command: its first word, the program's name, is empty; name "
                + "a program of the image\n")
        let absent = try program.run("run", "--rm", "box", "/bin/nosuch")
        #expect(absent.status == 127 && absent.error.contains("its #! line or its ELF header"), "\(absent.error)")
        try expectNothingLeft()
    }

    @Test("a volume that contains the runtime's own files is refused, also through a link, before anything is made")
    func ownFiles() throws {
        #expect(try program.run("ps").status == 0)
        let parent = try OwnedDescriptor.open(RawPath(program.scratch), [.directory])
        try parent.makeLink("linked", to: ".")
        for source in [program.scratch, "\(program.scratch)/state", "\(program.scratch)/linked"] {
            let outcome = try program.run("run", "--rm", "-v", "\(source):/x", "box", "true")
            #expect(outcome.status == 125)
            #expect(
                outcome.error
                    == "bulkhead: cannot mount the volume \(source): it contains \(program.scratch)/state, where the "
                    + "runtime itself keeps the state of the containers that run; give a directory made for this "
                    + "purpose\n")
        }
        try expectNothingLeft()
    }

    @Test("a damaged archive is refused and leaves the store as it was")
    func brokenArchive() throws {
        let before = try program.run("image", "ls", "--output", "json").output
        let whole = try OwnedDescriptor.open(RawPath(try program.archive())).readAll(limit: 16 << 20)
        for (name, bytes) in [("half", Array(whole[..<(whole.count / 2)])), ("junk", Array("no archive".utf8))] {
            let path = "\(program.scratch)/\(name).tar"
            try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create], mode: 0o644).write(bytes)
            let outcome = try program.run("image", "import", path)
            #expect(outcome.status == 125 && outcome.output.isEmpty)
            #expect(outcome.error.hasPrefix("bulkhead: cannot read the tar archive"), "\(outcome.error)")
            #expect(
                outcome.error.hasSuffix("the archive is damaged; export or download it again\n"), "\(outcome.error)")
        }
        #expect(try program.run("image", "ls", "--output", "json").output == before)
    }

    @Test("whoever is not root is told so")
    func notRoot() throws {
        let outcome = try program.runThrough(
            "/usr/bin/setpriv", ["--reuid", "1000", "--regid", "1000", "--clear-groups", "/proc/self/fd/3", "ps"])
        #expect(outcome.status == 125)
        #expect(
            outcome.error
                == "bulkhead: cannot manage containers and images: this is user 1000, not root; run it with sudo\n")
    }

    @Test("a full disk is said, and nothing is left on it")
    func fullDisk() throws {
        let archive = try program.archive()
        let place = program.scratch + "/small"
        try Directories.make(place, mode: 0o700)
        // In a mount namespace of its own, so that the small disk is gone afterwards whatever happens.
        let script =
            "mount -t tmpfs -o size=1m,mode=700 none \(place) && "
            + "{ /proc/self/fd/3 --store \(place)/store image import \(archive); status=$?; "
            + "find \(place)/store/staging \(place)/store/layers \(place)/store/blobs -mindepth 2; exit $status; }"
        let outcome = try program.runThrough("/usr/bin/unshare", ["--mount", "/bin/sh", "-c", script])
        #expect(outcome.status == 125)
        #expect(outcome.error.contains("ENOSPC (28)") || outcome.error.contains("needs"), "\(outcome.error)")
        #expect(outcome.output.isEmpty, "left behind: \(outcome.output)")
    }

    @Test("programs get an object with a stable code and the field at fault")
    func json() throws {
        let outcome = try program.run("run", "--output", "json", "--memory", "1q", "box", "true")
        #expect(outcome.status == 125 && outcome.output.isEmpty)
        #expect(
            outcome.error
                == #"{"error":{"alsoFailed":[],"cause":"it is not a size","code":"flag.invalid","#
                + #""doing":"use --memory","field":"memory","message":"cannot use --memory 1q: it is not a size; "#
                + #"write a number of bytes, or one with k, m, g or t such as 512m or 1.5g","remedy":"write a number "#
                + #"of bytes, or one with k, m, g or t such as 512m or 1.5g","retry":"never","subject":"1q"}}"# + "\n")
        let limit = try program.run("run", "--output", "json", "--memory", "1m", "box", "true")
        #expect(limit.error.contains(#""limit":"memory 6 MiB""#))
        let usage = try program.run("run", "--output", "json", "--fly", "box")
        #expect(usage.error.contains(#""code":"usage.invalid""#))
    }

    @Test("a name can be had once")
    func names() throws {
        #expect(try program.run("run", "-d", "--name", "one", "box", "sleep", "100").status == 0)
        let second = try program.run("run", "-d", "--name", "one", "box", "true")
        #expect(second.status == 125)
        #expect(second.error.hasPrefix("bulkhead: cannot name the container one: container "), "\(second.error)")
        #expect(
            second.error.hasSuffix(" has that name; choose another, or: bulkhead rm --force one\n"), "\(second.error)")
        let inUse = try program.run("image", "rm", "box")
        #expect(inUse.status == 125 && inUse.error.contains("use it; remove the containers first"), "\(inUse.error)")
        let running = try program.run("rm", "one")
        #expect(
            running.error == "bulkhead: cannot remove container one: it is running; stop it first, or use --force\n")
        #expect(try program.run("rm", "-f", "one").status == 0)
        #expect(try program.run("image", "rm", "box").status == 0)
    }

    private func expectNothingLeft() throws {
        #expect(try program.run("ps", "-aq").output == "")
        for place in ["state/containers", "state/ids", "store/containers", "store/leases", "store/staging"] {
            let path = "\(program.scratch)/\(place)"
            guard HostFacts.exists(path) else { continue }
            let left = try OwnedDescriptor.open(RawPath(path), [.directory]).entries().map(\.name.description)
            #expect(left.isEmpty, "\(place) holds \(left)")
        }
    }
}
