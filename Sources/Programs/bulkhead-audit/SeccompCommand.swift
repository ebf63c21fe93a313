import ArgumentParser

struct SeccompCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seccomp", abstract: "Explain, compare, read back and record system call filters.",
        discussion: """
            A PROFILE is default, strict, unconfined, a file with a Docker or OCI profile (a path with a slash), or \
            the name of a container.

            Examples:
              bulkhead audit seccomp explain mount
              bulkhead audit seccomp diff default ./profile.json
              bulkhead audit seccomp record -o ./profile.json my-image
            """,
        subcommands: [SeccompExplain.self, SeccompDiff.self, SeccompShow.self, SeccompRecord.self], helpNames: .long)
}
