// Reads a log that Sternway wrote with Go's own implementation of notes and tiled logs, and signs a note for the way
// back. `peer DIR` ends with one line that counts what was checked, or with the first thing that is wrong.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"peer/note"
	"peer/tlog"
)

// height of C2SP's tiles: 2^8 hashes.
const height = 8

var dir = os.Args[1]

func check(err error, what string, args ...any) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", fmt.Sprintf(what, args...), err)
		os.Exit(1)
	}
}

func ensure(good bool, what string, args ...any) {
	if !good {
		check(fmt.Errorf("wrong"), what, args...)
	}
}

func read(path ...string) []byte {
	data, err := os.ReadFile(filepath.Join(append([]string{dir}, path...)...))
	check(err, "reading")
	return data
}

// path is Go's path without the height, which C2SP left out.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

type files struct{ read int }

func (f *files) Height() int                     { return height }
func (f *files) SaveTiles([]tlog.Tile, [][]byte) {}
func (f *files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		f.read++
		all = append(all, read("log", path(tile)))
	}
	return all, nil
}

func hash(line string) tlog.Hash {
	hash, err := tlog.ParseHash(line)
	check(err, "hash %q", line)
	return hash
}

func lines(data []byte) []string {
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// open verifies a checkpoint and takes it apart.
func open(data []byte, known note.Verifiers) (string, tlog.Tree) {
	opened, err := note.Open(data, known)
	check(err, "checkpoint")
	head := lines([]byte(opened.Text))
	ensure(len(head) == 3, "a checkpoint of three lines")
	size, err := strconv.ParseInt(head[1], 10, 64)
	check(err, "size")
	return head[0], tlog.Tree{N: size, Hash: hash(head[2])}
}

func main() {
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read("vkey"))))
	check(err, "verifier key")
	known := note.VerifierList(verifier)
	checkpoint := read("log", "checkpoint")
	origin, tree := open(checkpoint, known)
	ensure(origin == verifier.Name(), "origin %q", origin)

	// This program can say no.
	spoilt := bytes.Replace(checkpoint, []byte(fmt.Sprint(tree.N)), []byte(fmt.Sprint(tree.N+1)), 1)
	_, err = note.Open(spoilt, known)
	ensure(err != nil, "a changed checkpoint is refused")

	reader := &files{}
	hashes := tlog.TileHashReader(tree, reader)
	root, err := tlog.TreeHash(tree.N, hashes)
	check(err, "root from tiles")
	ensure(root == tree.Hash, "root from tiles")

	// Every tile there should be, and every entry under it.
	tiles, entries := 0, 0
	for _, tile := range tlog.NewTiles(height, 0, tree.N) {
		tiles++
		data := read("log", path(tile))
		ensure(len(data) == tile.W*tlog.HashSize, "length of %s", path(tile))
		for i := range tile.W {
			index := tlog.StoredHashIndex(tile.L*height, tile.N<<height+int64(i))
			proven, err := hashes.ReadHashes([]int64{index})
			check(err, "%s", path(tile))
			ensure(bytes.Equal(proven[0][:], data[i*tlog.HashSize:(i+1)*tlog.HashSize]), "hash %d of %s", i, path(tile))
		}
		if tile.L != 0 {
			continue
		}
		bundle := read("log", strings.Replace(path(tile), "tile/0/", "tile/entries/", 1))
		for i := range tile.W {
			length := int(binary.BigEndian.Uint16(bundle))
			leaf := tlog.RecordHash(bundle[2 : 2+length])
			ensure(bytes.Equal(leaf[:], data[i*tlog.HashSize:(i+1)*tlog.HashSize]), "entry %d of %s", i, path(tile))
			bundle = bundle[2+length:]
			entries++
		}
		ensure(len(bundle) == 0, "end of the bundle of %s", path(tile))
	}
	ensure(int64(entries) == tree.N, "%d entries", entries)

	// Proofs as files: the same as Go's, and accepted by Go.
	proofs, err := os.ReadDir(filepath.Join(dir, "proofs"))
	check(err, "proofs")
	for _, file := range proofs {
		proof, signed, found := bytes.Cut(read("proofs", file.Name()), []byte("\n\n"))
		ensure(found, "an empty line in %s", file.Name())
		_, at := open(signed, known)
		parts := lines(proof)
		ensure(parts[0] == "c2sp.org/tlog-proof@v1", "first line of %s", file.Name())
		index, err := strconv.ParseInt(strings.TrimPrefix(parts[1], "index "), 10, 64)
		check(err, "index of %s", file.Name())
		var given tlog.RecordProof
		for _, line := range parts[2:] {
			given = append(given, hash(line))
		}
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		check(err, "leaf of %s", file.Name())
		check(tlog.CheckRecord(given, at.N, at.Hash, index, leaf[0]), "%s", file.Name())
		ensure(tlog.CheckRecord(given, at.N, at.Hash, index, tlog.RecordHash(nil)) != nil, "another leaf for %s", file.Name())
		own, err := tlog.ProveRecord(at.N, index, hashes)
		check(err, "own proof for %s", file.Name())
		ensure(fmt.Sprint(own) == fmt.Sprint(given), "%s is Go's proof", file.Name())
	}

	// Growth: the old root, then the proof.
	growths, err := os.ReadDir(filepath.Join(dir, "growths"))
	check(err, "growths")
	for _, file := range growths {
		old, err := strconv.ParseInt(file.Name(), 10, 64)
		check(err, "%s", file.Name())
		parts := lines(read("growths", file.Name()))
		var given tlog.TreeProof
		for _, line := range parts[1:] {
			given = append(given, hash(line))
		}
		check(tlog.CheckTree(given, tree.N, tree.Hash, old, hash(parts[0])), "growth from %d", old)
		own, err := tlog.ProveTree(tree.N, old, hashes)
		check(err, "own proof from %d", old)
		ensure(fmt.Sprint(own) == fmt.Sprint(given), "growth from %d is Go's proof", old)
	}

	// The way back: Go signs beside the log, with a key it made from the same text.
	signer, err := note.NewSigner(strings.TrimSpace(string(read("skey"))))
	check(err, "signer key")
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, tree.N, tree.Hash)}, signer)
	check(err, "signing")
	check(os.WriteFile(filepath.Join(dir, "signed"), signed, 0o600), "writing")

	fmt.Printf("%d tiles, %d entries, %d proofs, %d growths\n", tiles, entries, len(proofs), len(growths))
}
