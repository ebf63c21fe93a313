import LinuxKernel

/// The directories on the way to where the last entry went, held open because the next one is usually near. How many
/// descriptors that is, is bounded: directories high up are let go first, since archives are written depth first.
struct Trail {
    private var names: [RawPath] = []
    private var directories: [LayerDirectory?] = []
    private var descriptors = 0
    /// No directory before this one is held.
    private var firstHeld = 0

    static let descriptorsMax = 512

    /// Whether `name` is the component after the first `depth`.
    func leads(to name: RawPath, from depth: Int) -> Bool { depth < names.count && names[depth] == name }

    /// The directory at a component, or nil when it was let go.
    subscript(_ index: Int) -> LayerDirectory? { directories[index] }

    mutating func cut(to depth: Int) {
        while directories.count > depth {
            descriptors -= directories.removeLast()?.descriptors ?? 0
            names.removeLast()
        }
        firstHeld = min(firstHeld, depth)
    }

    mutating func extend(from depth: Int, by name: RawPath, _ directory: LayerDirectory) {
        cut(to: depth)
        names.append(name)
        directories.append(nil)
        hold(directory, at: depth)
    }

    mutating func hold(_ directory: LayerDirectory, at index: Int) {
        directories[index] = directory
        descriptors += directory.descriptors
        firstHeld = min(firstHeld, index)
        while descriptors > Self.descriptorsMax, firstHeld < index {
            descriptors -= directories[firstHeld]?.descriptors ?? 0
            directories[firstHeld] = nil
            firstHeld += 1
        }
    }
}
