/// Text as the kernel, files and other programs see it: bytes.
///
/// Swift looks at characters as people count them: a slash with an accent after it is no slash, so that a `..` before
/// it is none; a line feed after a carriage return ends no line; and two spellings of one letter are equal. Whoever
/// chooses the text chooses what is seen. So text is cut and searched with these (TidyTests), and what is a name
/// elsewhere is compared with them.
extension StringProtocol {
    /// What stands between the bytes `separator`, which is an ASCII character; otherwise as `split(separator:)`.
    public func cut(
        at separator: Unicode.Scalar, maxSplits: Int = .max, omittingEmptySubsequences: Bool = true
    ) -> [Substring] {
        Substring(self).utf8.split(
            separator: UInt8(ascii: separator), maxSplits: maxSplits,
            omittingEmptySubsequences: omittingEmptySubsequences
        ).map(Substring.init)
    }

    /// Whether the byte is anywhere in it.
    public func has(_ byte: Unicode.Scalar) -> Bool { utf8.contains(UInt8(ascii: byte)) }

    /// Where the first such byte is. What is behind it begins at `utf8.index(after:)`: a character may end later.
    public func position(of byte: Unicode.Scalar) -> Index? { utf8.firstIndex(of: UInt8(ascii: byte)) }

    public func lastPosition(of byte: Unicode.Scalar) -> String.Index? {
        Substring(self).utf8.lastIndex(of: UInt8(ascii: byte))
    }

    /// Where all of `bytes` are first.
    public func place(of bytes: some StringProtocol) -> Range<String.Index>? {
        Substring(self).utf8.firstRange(of: Substring(bytes).utf8)
    }

    /// Whether its first bytes are these.
    public func begins(with bytes: some StringProtocol) -> Bool { utf8.starts(with: bytes.utf8) }

    public func ends(with bytes: some StringProtocol) -> Bool {
        Substring(self).utf8.reversed().starts(with: Substring(bytes).utf8.reversed())
    }

    /// Whether a slash before it and one after it stay slashes to whoever looks at characters: it neither begins with a
    /// mark that is set on what comes before it, nor ends with one that is set on what follows.
    public var standsAlone: Bool {
        let between = "/\(self)/"
        return between.first == "/" && between.last == "/"
    }

    /// What stands before the first byte `separator`; all of it where there is none.
    public func before(_ separator: Unicode.Scalar) -> Substring {
        Substring(Substring(self).utf8.prefix { $0 != UInt8(ascii: separator) })
    }
}

extension String {
    public func isSame(as other: String) -> Bool {
        // Most are different, and that is known at once.
        self == other && utf8.elementsEqual(other.utf8)
    }
}

extension String? {
    public func isSame(as other: String?) -> Bool {
        switch (self, other) {
        case (nil, nil): true
        case (let text?, let other?): text.isSame(as: other)
        default: false
        }
    }
}
