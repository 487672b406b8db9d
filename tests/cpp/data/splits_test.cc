#include "penchant/data/splits.h"

#include <limits>
#include <map>
#include <set>

#include "data/sample.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

std::vector<std::uint8_t> complement(std::vector<std::uint8_t> marks) {
  for (auto& mark : marks) mark = mark == 0 ? 1 : 0;
  return marks;
}

double share_of(const std::vector<std::uint8_t>& marks) {
  double out = 0;
  for (const auto mark : marks) out += mark;
  return out / static_cast<double>(marks.size());
}

TEST(Splits, TemporalCutsByTimeAlone) {
  const Dataset data = sample();
  const Timestamp cut = data.events().times[300];
  const auto test = temporal_test_rows(data, cut);
  for (std::size_t row = 0; row < test.size(); ++row) {
    EXPECT_EQ(test[row] == 1, data.events().times[row] >= cut);
  }
  EXPECT_EQ(data.filtered(test).first_time(), cut);
  EXPECT_LT(data.filtered(complement(test)).last_time(), cut);
}

TEST(Splits, LeaveLastOutTakesEachLastMoment) {
  const Dataset data = sample({.events = 120, .subjects = 30});
  const auto test = leave_last_out_test_rows(data);
  std::map<std::int32_t, std::set<Timestamp>> moments;
  for (std::size_t row = 0; row < data.size(); ++row) {
    moments[data.events().subjects[row].value].insert(data.events().times[row]);
  }
  bool some_stay = false;
  for (std::size_t row = 0; row < data.size(); ++row) {
    const std::int32_t subject = data.events().subjects[row].value;
    const auto& times = moments[subject];
    const bool expected =
        subject >= 0 && times.size() > 1 && data.events().times[row] == *times.rbegin();
    EXPECT_EQ(test[row] == 1, expected) << row;
    some_stay = some_stay || (subject >= 0 && times.size() == 1);
  }
  EXPECT_TRUE(some_stay) << "the sample no longer has anyone seen only once";
}

TEST(Splits, RandomHoldsOutWholePairsAndLeavesEveryoneSomething) {
  const Dataset data = sample({.events = 2000, .subjects = 60, .items = 40});
  for (const double share : {0.2, 0.9, 0.999}) {
    const auto test = random_test_rows(data, share, 5);
    std::map<std::pair<std::int32_t, std::int32_t>, std::set<int>> sides;
    std::map<std::int32_t, std::set<std::int32_t>> train_items;
    for (std::size_t row = 0; row < data.size(); ++row) {
      const std::int32_t subject = data.events().subjects[row].value;
      sides[{subject, data.events().items[row].value}].insert(test[row]);
      if (test[row] == 0) train_items[subject].insert(data.events().items[row].value);
      if (subject < 0) {
        EXPECT_EQ(test[row], 0);
      }
    }
    for (const auto& [pair, side] : sides) {
      if (pair.first >= 0) {
        EXPECT_EQ(side.size(), 1U);
      }
    }
    for (std::int32_t s = 0; s < static_cast<std::int32_t>(data.subjects().size()); ++s) {
      EXPECT_FALSE(train_items[s].empty());
      if (share == 0.999) {
        EXPECT_EQ(train_items[s].size(), 1U);
      }
    }
    if (share == 0.2) {
      EXPECT_NEAR(share_of(test), 0.2, 0.05);
    }
  }
}

// The rows of both parts as text: subject, item, side.
std::set<std::string> sides(const Dataset& data, const std::vector<std::uint8_t>& test) {
  std::set<std::string> out;
  for (std::size_t row = 0; row < data.size(); ++row) {
    const UserIndex subject = data.events().subjects[row];
    if (!subject.known()) continue;
    out.insert(concat(data.subjects().text(static_cast<std::size_t>(subject.value)), " ",
                      data.items().text(static_cast<std::size_t>(data.events().items[row].value)),
                      " ", int{test[row]}));
  }
  return out;
}

TEST(Splits, RandomDependsOnThePairAlone) {
  const Dataset data = sample({.events = 2000, .subjects = 60, .items = 40});
  const auto whole = sides(data, random_test_rows(data, 0.2, 5));
  EXPECT_NE(whole, sides(data, random_test_rows(data, 0.2, 6)));
  // Leave half of the subjects away: nobody else's items change sides.
  std::vector<std::uint8_t> keep(data.size());
  for (std::size_t row = 0; row < keep.size(); ++row) {
    keep[row] = data.events().subjects[row].value % 2 == 0;
  }
  const Dataset half = data.filtered(keep);
  for (const std::string& line : sides(half, random_test_rows(half, 0.2, 5))) {
    EXPECT_TRUE(whole.contains(line)) << line;
  }
  // A larger share only adds, but for what each subject keeps.
  const auto more = random_test_rows(data, 0.4, 5);
  const auto less = random_test_rows(data, 0.2, 5);
  for (std::size_t row = 0; row < data.size(); ++row) EXPECT_LE(less[row], more[row]);
}

TEST(Splits, RandomGoesByTheTextOfIds) {
  std::vector<std::string> texts;
  std::vector<std::int64_t> numbers;
  for (int i = 0; i < 40; ++i) {
    numbers.push_back(100 + i);  // of one length, so that both kinds sort alike
    texts.push_back(std::to_string(100 + i));
  }
  EventColumns columns;
  for (int i = 0; i < 40; ++i) {
    for (int j = 0; j < 40; ++j) {
      columns.subjects.push_back(UserIndex{i});
      columns.items.push_back(ItemIndex{j});
      columns.times.push_back(Timestamp{0});
      columns.types.push_back(0);
      columns.values.push_back(1);
    }
  }
  const Dataset by_text(IdMap::from_strings(texts), IdMap::from_strings(texts), columns,
                        {{"event", 1}}, {}, {});
  const Dataset by_number(IdMap::from_integers(numbers), IdMap::from_integers(numbers), columns,
                          {{"event", 1}}, {}, {});
  EXPECT_EQ(random_test_rows(by_text, 0.3, 1), random_test_rows(by_number, 0.3, 1));
  EXPECT_EQ(by_user_test_rows(by_text, 0.3, 1), by_user_test_rows(by_number, 0.3, 1));
  EXPECT_NEAR(share_of(random_test_rows(by_text, 0.3, 1)), 0.3, 0.04);
}

TEST(Splits, ByUserTakesWholeSubjects) {
  const Dataset data = sample({.events = 6000, .subjects = 400});
  const auto test = by_user_test_rows(data, 0.25, 2);
  std::map<std::int32_t, std::set<int>> side;
  for (std::size_t row = 0; row < data.size(); ++row) {
    side[data.events().subjects[row].value].insert(test[row]);
  }
  std::size_t held_out = 0;
  for (const auto& [subject, seen] : side) {
    ASSERT_EQ(seen.size(), 1U) << subject;
    held_out += *seen.begin() == 1 ? 1 : 0;
  }
  EXPECT_EQ(side[-1], std::set<int>{0});
  EXPECT_NEAR(static_cast<double>(held_out), 100, 30);
  EXPECT_NE(test, by_user_test_rows(data, 0.25, 3));
}

TEST(Splits, RefuseWhatMakesNoSense) {
  const Dataset data = sample();
  for (const double share : {0.0, 1.0, -0.1, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW((void)random_test_rows(data, share, 0), Error) << share;
    EXPECT_THROW((void)by_user_test_rows(data, share, 0), Error) << share;
  }
  EXPECT_THROW((void)temporal_test_rows(data, Timestamp{}), Error);
  Parts parts = sample_parts({});
  for (auto& time : parts.columns.times) time = Timestamp{};
  const Dataset timeless(parts.subjects, parts.items, parts.columns, parts.types, {}, {});
  EXPECT_THROW((void)temporal_test_rows(timeless, Timestamp{0}), Error);
  EXPECT_THROW((void)leave_last_out_test_rows(timeless), Error);
  const Dataset empty({}, {}, {}, {}, {}, {});
  EXPECT_TRUE(random_test_rows(empty, 0.2, 0).empty());
  EXPECT_TRUE(leave_last_out_test_rows(empty).empty());
}

}  // namespace
}  // namespace penchant::data
