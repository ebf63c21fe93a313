import ArgumentParser
import ImageStorage

/// What every command takes that decides whether an image is wanted.
struct PolicyFlag: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: .init(
            "Which images are trusted: a policy file, permissive or reject (BULKHEAD_IMAGE_POLICY, else "
                + "/etc/bulkhead/image-policy.json, else permissive).", valueName: "file"))
    var imagePolicy: String?

    var source: PolicySource { PolicySource(imagePolicy) }
}
