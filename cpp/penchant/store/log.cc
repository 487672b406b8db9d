#include "penchant/store/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "penchant/base/error.h"
#include "penchant/store/log_keys.h"
#include "penchant/store/snapshot_file.h"

namespace penchant::store {
namespace {

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
template <std::size_t size>
rocksdb::Slice slice(const std::array<char, size>& key) {
  return slice(bytes_of(key));
}
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

// Lets tags go with the records that were trimmed, whenever RocksDB rewrites the files they are in:
// nobody has to look for them.
class DropTrimmed final : public rocksdb::CompactionFilter {
 public:
  [[nodiscard]] const char* Name() const override { return "penchant.trimmed"; }
  bool Filter(int /*level*/, const rocksdb::Slice& key, const rocksdb::Slice& value,
              std::string* /*changed*/, bool* /*whether*/) const override {
    return only_before(view(key), view(value), first_.load(std::memory_order_relaxed));
  }
  void keep_from(std::uint64_t first) { first_.store(first, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> first_ = 0;  // that is kept, once this is on the disk
};

rocksdb::Options options_of(const LogOptions& given) {
  rocksdb::Options options;
  options.create_if_missing = given.create;
  options.wal_recovery_mode = given.cut_at_damage
                                  ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                  : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  options.write_buffer_size = std::size_t{32} << 20;
  options.max_total_wal_size = std::uint64_t{256} << 20;
  options.max_open_files = 256;
  // Notes of the library itself, not of the log; they would otherwise grow for ever.
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = std::size_t{1} << 20;
  options.stats_dump_period_sec = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = std::size_t{32} << 10;  // records are read in order
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

struct Log::Impl {
  std::filesystem::path folder;
  std::string id;
  DropTrimmed dropping;
  std::unique_ptr<rocksdb::DB> db;  // uses it

  // Writers take turns, so that numbers are given in the order in which records are kept.
  mutable std::mutex writing;
  std::uint64_t first_kept = 1;
  std::uint64_t next_number = 1;
  std::string broken;  // what went wrong; nothing is written any more
  bool read_only = false;

  // One of those who wait for the disk asks it for all.
  std::mutex syncing;
  std::condition_variable synced;
  std::uint64_t safe = 0;  // records below it are on the disk
  bool one_syncs = false;

  [[noreturn]] void raise(std::string_view what, const rocksdb::Status& status) const {
    const std::string said = status.ToString();
    if (status.IsIOError() && said.find("lock") != std::string::npos) {
      fail(ErrorKind::kUnavailable, concat("log '", folder.string(),
                                           "' is open already, here or in another process; a log "
                                           "has one owner (",
                                           said, ")"));
    }
    const ErrorKind kind = status.IsCorruption() ? ErrorKind::kBadData : ErrorKind::kIo;
    fail(kind, concat("log '", folder.string(), "': ", what, ": ", said));
  }

  void expect(const rocksdb::Status& status, std::string_view what) const {
    if (!status.ok()) raise(what, status);
  }

  // With `writing` held.
  void check_sound() const {
    if (read_only) {
      fail(ErrorKind::kInvalidArgument,
           concat("log '", folder.string(), "' was opened to be read; nothing is written"));
    }
    if (!broken.empty()) {
      fail(ErrorKind::kIo, concat("log '", folder.string(),
                                  "' takes no more since a write failed; make room or mend the "
                                  "disk and open it again (",
                                  broken, ")"));
    }
  }
  void write(rocksdb::WriteBatch& batch, bool sync, std::string_view what) {
    rocksdb::WriteOptions options;
    options.sync = sync;
    const rocksdb::Status status = db->Write(options, &batch);
    if (status.ok()) return;
    broken = status.ToString();
    raise(what, status);
  }

  void find_ends() {
    std::string kept;
    const rocksdb::Status status = db->Get({}, slice(kFirstKey), &kept);
    if (status.ok() && kept.size() == 8) {
      first_kept = read_number(kept);
      dropping.keep_from(first_kept);
    } else if (!status.IsNotFound()) {
      fail(ErrorKind::kBadData,
           concat("log '", folder.string(), "': the number of its first record is no number"));
    }
    next_number = first_kept;
    const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator({}));
    at->SeekForPrev(slice(record_key(~std::uint64_t{0})));
    expect(at->status(), "it can't be read");
    if (at->Valid() && is_record_key(view(at->key()))) {
      next_number = std::max(next_number, read_number(view(at->key()).substr(1)) + 1);
    }
    safe = next_number;  // recovery has written what it found to tables, and those to the disk
  }

  [[nodiscard]] std::filesystem::path snapshot_path(std::string_view name) const {
    const bool good =
        !name.empty() && name.size() <= 64 &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
    check_argument(good, "snapshot '", name, "': names are up to 64 of a-z, 0-9, _ and -");
    return folder / concat(name, ".snapshot");
  }
};

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

namespace {

// Its owner may remove a file between the list of them and the look at it: then there is a new
// list.
rocksdb::Status open_to_read(const rocksdb::Options& given, const std::string& records,
                             rocksdb::DB** opened) {
  constexpr int kTries = 5;
  rocksdb::Options options = given;
  options.max_open_files = -1;  // all of them now: whoever owns them may remove them later
  rocksdb::Status status;
  for (int i = 0; i < kTries; ++i) {
    status = rocksdb::DB::OpenForReadOnly(options, records, opened);
    if (status.ok()) break;
  }
  return status;
}

}  // namespace

std::unique_ptr<Log> Log::open(const std::filesystem::path& folder, const LogOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  impl->read_only = options.read_only;
  std::error_code problem;
  if (options.create && !options.read_only) {
    std::filesystem::create_directories(folder, problem);
    if (problem) {
      fail(ErrorKind::kIo,
           concat("log '", folder.string(), "': can't make the folder: ", problem.message()));
    }
  } else if (!std::filesystem::exists(folder / "records", problem)) {
    fail(ErrorKind::kNotFound, concat("log '", folder.string(), "': there is none"));
  }
  rocksdb::DB* opened = nullptr;
  rocksdb::Options settings = options_of(options);
  settings.compaction_filter = &impl->dropping;
  const std::string records = (folder / "records").string();
  const rocksdb::Status status = options.read_only ? open_to_read(settings, records, &opened)
                                                   : rocksdb::DB::Open(settings, records, &opened);
  impl->db.reset(opened);
  if (status.IsCorruption()) {
    fail(ErrorKind::kBadData,
         concat("log '", folder.string(), "' is damaged before its end: ", status.ToString(),
                "; restore it, or open it with cut_at_damage to keep what comes before"));
  }
  impl->expect(status, "it can't be opened");
  impl->expect(impl->db->GetDbIdentity(impl->id), "it has no id");
  impl->find_ends();
  return std::unique_ptr<Log>(new Log(std::move(impl)));
}

std::uint64_t Log::append(std::span<const std::string_view> records, Durability durability,
                          std::span<const Tag> tags) {
  Impl& impl = *impl_;
  rocksdb::WriteBatch batch;
  check_argument(tags.empty() || tags.size() == records.size(), tags.size(), " tags for ",
                 records.size(), " records");
  for (const std::string_view record : records) {
    check_argument(record.size() <= kMaxRecordBytes, "a record has ", record.size(),
                   " bytes; at most ", kMaxRecordBytes, " are allowed");
  }
  const TagBatch tagged(tags);
  std::uint64_t first = 0;
  {
    const std::lock_guard<std::mutex> lock(impl.writing);
    impl.check_sound();
    first = impl.next_number;
    std::uint64_t number = first;
    for (const std::string_view record : records) {
      impl.expect(batch.Put(slice(record_key(number++)), slice(record)), "a record can't be added");
    }
    tagged.write(first, [&](std::string_view key, std::string_view value) {
      impl.expect(batch.Put(slice(key), slice(value)), "records can't be tagged");
    });
    impl.write(batch, false, "records can't be written");
    impl.next_number = number;
  }
  if (durability == Durability::kPower) sync();
  return first;
}

void Log::sync() {
  Impl& impl = *impl_;
  const std::uint64_t wanted = next();
  std::unique_lock<std::mutex> lock(impl.syncing);
  while (impl.safe < wanted) {
    if (impl.one_syncs) {
      impl.synced.wait(lock);
      continue;
    }
    impl.one_syncs = true;
    lock.unlock();
    std::uint64_t reached = 0;
    rocksdb::Status status;
    {
      const std::lock_guard<std::mutex> writing(impl.writing);
      reached = impl.next_number;
      // After a failed fsync the system may have dropped what it could not write: a second one
      // that succeeds would prove nothing.
      if (!impl.broken.empty()) status = rocksdb::Status::IOError(impl.broken);
    }
    if (status.ok()) status = impl.db->SyncWAL();
    if (!status.ok()) {
      const std::lock_guard<std::mutex> writing(impl.writing);
      if (impl.broken.empty()) impl.broken = status.ToString();
    }
    lock.lock();
    impl.one_syncs = false;
    if (status.ok()) impl.safe = std::max(impl.safe, reached);
    impl.synced.notify_all();
    if (!status.ok()) impl.raise("records can't be brought to the disk", status);
  }
}

const std::string& Log::id() const { return impl_->id; }

std::uint64_t Log::followed(const LogPosition& known) const {
  if (known.log != impl_->id) return 0;
  const std::uint64_t end = next();
  if (known.through >= end) {
    fail(ErrorKind::kBadData,
         concat("log '", impl_->folder.string(), "' ends before record ", end,
                ", and what it is opened for knows it up to ", known.through,
                "; it is an older copy: bring back the one that was followed"));
  }
  return known.through;
}

std::uint64_t Log::first() const {
  const std::lock_guard<std::mutex> lock(impl_->writing);
  return impl_->first_kept;
}

std::uint64_t Log::next() const {
  const std::lock_guard<std::mutex> lock(impl_->writing);
  return impl_->next_number;
}

void Log::read(std::uint64_t from, const Visit& visit) const {
  std::uint64_t number = 0;
  std::uint64_t end = 0;
  rocksdb::ReadOptions options;
  options.readahead_size = std::size_t{1} << 20;
  std::unique_ptr<rocksdb::Iterator> at;
  {
    const std::lock_guard<std::mutex> lock(impl_->writing);
    number = std::max(from, impl_->first_kept);
    end = impl_->next_number;
    at.reset(impl_->db->NewIterator(options));  // sees the log as it is now
  }
  for (at->Seek(slice(record_key(number))); number < end; at->Next(), ++number) {
    impl_->expect(at->status(), "it can't be read");
    if (!at->Valid() || at->key() != slice(record_key(number))) {
      fail(ErrorKind::kBadData,
           concat("log '", impl_->folder.string(), "': record ", number, " is missing"));
    }
    if (!visit(number, {at->value().data(), at->value().size()})) return;
  }
}

void Log::read_tagged(std::uint64_t tag, const Visit& visit) const {
  std::uint64_t first_kept = 0;
  rocksdb::ReadOptions options;
  std::unique_ptr<rocksdb::Iterator> at;
  {
    const std::lock_guard<std::mutex> lock(impl_->writing);
    first_kept = impl_->first_kept;
    at.reset(impl_->db->NewIterator(options));
  }
  std::vector<std::uint64_t> numbers;
  const auto each = [&](const TagKey& begin, const TagKey& end, auto&& use) {
    for (at->Seek(slice(begin)); at->Valid(); at->Next()) {
      const std::string_view key = view(at->key());
      if (key.size() != sizeof(TagKey) || key > bytes_of(end)) break;
      use(read_number(key.substr(9)));
    }
    impl_->expect(at->status(), "it can't be read");
  };
  const std::uint64_t last = ~std::uint64_t{0};
  each(tag_key(tag, first_kept), tag_key(tag, last),
       [&](std::uint64_t n) { numbers.push_back(n); });
  each(group_key(tag, 0), group_key(tag, last), [&](std::uint64_t first) {
    if (!read_group(tag, first, view(at->value()), numbers)) {
      fail(ErrorKind::kBadData, concat("log '", impl_->folder.string(),
                                       "': tags of the records from ", first, " are damaged"));
    }
  });
  std::erase_if(numbers, [&](std::uint64_t number) { return number < first_kept; });
  std::sort(numbers.begin(), numbers.end());
  for (const std::uint64_t number : numbers) {
    at->Seek(slice(record_key(number)));
    impl_->expect(at->status(), "it can't be read");
    if (!at->Valid() || at->key() != slice(record_key(number))) {
      fail(ErrorKind::kBadData, concat("log '", impl_->folder.string(), "': record ", number,
                                       ", tagged ", tag, ", is missing"));
    }
    if (!visit(number, {at->value().data(), at->value().size()})) return;
  }
}

void Log::replace(std::span<const Replacement> records) {
  Impl& impl = *impl_;
  if (records.empty()) return;
  {
    const std::lock_guard<std::mutex> lock(impl.writing);
    impl.check_sound();
    rocksdb::WriteBatch batch;
    for (const auto& [number, record] : records) {
      check_argument(number >= impl.first_kept && number < impl.next_number, "record ", number,
                     " is not in the log, which has ", impl.first_kept, " to ", impl.next_number);
      check_argument(record.size() <= kMaxRecordBytes, "record ", number, " has ", record.size(),
                     " bytes; at most ", kMaxRecordBytes, " are allowed");
      impl.expect(batch.Put(slice(record_key(number)), slice(record)),
                  "a record can't be replaced");
    }
    impl.write(batch, true, "records can't be replaced");
  }
  // The old bytes lie in tables and in the write-ahead log: a flush retires the log's file, and a
  // compaction down to the last level drops what was overwritten.
  impl.expect(impl.db->Flush(rocksdb::FlushOptions()), "records can't be flushed");
  rocksdb::CompactRangeOptions all;
  all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  impl.expect(impl.db->CompactRange(all, nullptr, nullptr), "old records can't be removed");
}

void Log::trim(std::uint64_t before) {
  Impl& impl = *impl_;
  const std::lock_guard<std::mutex> lock(impl.writing);
  before = std::min(before, impl.next_number);
  if (impl.read_only) {
    impl.first_kept = std::max(impl.first_kept, before);
    return;
  }
  impl.check_sound();
  if (before <= impl.first_kept) return;
  const RecordKey kept = record_key(before);
  rocksdb::WriteBatch batch;
  impl.expect(batch.DeleteRange(slice(record_key(0)), slice(kept)), "it can't be trimmed");
  impl.expect(batch.Put(slice(kFirstKey), slice(bytes_of(kept).substr(1))), "it can't be trimmed");
  impl.write(batch, true, "it can't be trimmed");
  impl.first_kept = before;
  impl.dropping.keep_from(before);
  // Files of nothing else go at once, the rest when RocksDB rewrites what they are in.
  const rocksdb::Slice begin = slice(std::string_view("r"));
  const rocksdb::Slice end = slice(kept);
  impl.expect(rocksdb::DeleteFilesInRange(impl.db.get(), impl.db->DefaultColumnFamily(), &begin,
                                          &end, false),
              "trimmed records can't be removed");
}

void Log::put_snapshot(std::string_view name, std::string_view bytes, std::uint64_t sequence) {
  const std::filesystem::path path = impl_->snapshot_path(name);
  if (impl_->read_only) impl_->check_sound();
  check_argument(sequence < next(), "snapshot '", name, "' covers record ", sequence,
                 ", which is not there yet");
  sync();  // a snapshot that is ahead of its log would hide the records that come next
  write_snapshot_file(path, bytes, sequence);
}

std::optional<Snapshot> Log::snapshot(std::string_view name) const {
  return read_snapshot_file(impl_->snapshot_path(name));
}

}  // namespace penchant::store
