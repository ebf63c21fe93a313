import Diagnostics
import LinuxKernel

/// Names for containers nobody named: an adjective and a part of a ship.
enum ContainerNames {
    private static let qualities = [
        "amber", "brave", "brisk", "calm", "clear", "cobalt", "crisp", "eager", "early", "fair", "fleet", "frosty",
        "gentle", "golden", "grand", "hardy", "ivory", "jolly", "keen", "late", "light", "lively", "lucky", "merry",
        "misty", "noble", "patient", "plain", "proud", "quick", "quiet", "rapid", "ready", "royal", "rustic", "sharp",
        "silent", "silver", "sleek", "solid", "stable", "steady", "still", "stout", "sturdy", "sunny", "swift", "tidy",
        "tranquil", "trim", "true", "upright", "velvet", "vivid", "warm", "western", "wise", "young",
    ]
    private static let parts = [
        "anchor", "beacon", "bilge", "binnacle", "boom", "bow", "bridge", "buoy", "cabin", "capstan", "cargo", "chart",
        "cleat", "compass", "crew", "davit", "deck", "dinghy", "dock", "fender", "forecastle", "galley", "gangway",
        "halyard", "harbor", "hatch", "hawser", "helm", "hold", "hull", "jetty", "jib", "keel", "ketch", "lantern",
        "locker", "log", "mast", "mooring", "oar", "pier", "pilot", "port", "prow", "quay", "rigging", "rudder", "sail",
        "sextant", "shroud", "sloop", "spar", "starboard", "stern", "tiller", "topsail", "vane", "wharf", "winch",
        "yawl",
    ]

    /// A name that `isTaken` denies; `draw` gives a random number. With most names taken they get one of their own.
    static func fresh(
        draw: () -> UInt64 = KernelRandom.number, isTaken: (String) throws(Failure) -> Bool
    ) throws(Failure) -> String {
        for _ in 0..<16 {
            let number = draw()
            let name =
                qualities[Int(number % UInt64(qualities.count))] + "-"
                + parts[Int(number / UInt64(qualities.count) % UInt64(parts.count))]
            if try !isTaken(name) { return name }
        }
        return "hull-" + String(draw(), radix: 36)
    }
}
