import LinuxKernel
import Testing

/// What the unpacker makes of a layer. A suite with the trait `inBothForms` runs each of its tests once for each: what
/// a layer means must not depend on how it is kept.
enum LayerForms: String, CaseIterable {
    case directory
    case erofs

    /// Of the test that runs now.
    @TaskLocal static var current = LayerForms.directory
}

struct InBothForms: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        for form in LayerForms.allCases {
            try await LayerForms.$current.withValue(form) { try await function() }
        }
    }
}

extension Trait where Self == InBothForms {
    static var inBothForms: Self { InBothForms() }
}

extension Sandbox {
    /// Unpacks `archive` as a layer called `name` and gives what it shows, mounted if it is an image.
    func unpack(
        _ archive: [UInt8], into name: String, lowers: [OwnedDescriptor] = [], _ arguments: [String] = []
    ) throws -> (outcome: Unpacker.Outcome, layer: OwnedDescriptor) {
        let form = LayerForms.current
        let target = try makeDirectory(name)
        let outcome = try Unpacker.run(
            ["layer", "--lowers", "\(lowers.count)", "--form", form.rawValue] + arguments,
            input: try makeFile(name + ".tar", archive), target: target, lowers: try lowers.map(image))
        guard form == .erofs, outcome.exitStatus == 0 else { return (outcome, target) }
        let image = try target.open("fs.erofs", [.readOnly])
        let layer = try LayerImageMount.detached(of: image, attributes: 0).open(".", [.directory])
        images[ObjectIdentifier(layer)] = (layer, image)
        return (outcome, layer)
    }

    /// What the store would hand to the unpacker for a layer below: the image, not what it shows.
    private func image(of layer: OwnedDescriptor) throws -> OwnedDescriptor {
        images[ObjectIdentifier(layer)]?.image ?? layer
    }
}
