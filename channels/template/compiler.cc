// Template::Compile: pieces to a tree of nodes.
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "channels/template/expression_parser.h"
#include "channels/template/lexer.h"
#include "channels/template/program.h"

namespace rondo::liquid {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

bool IsWhiteSpace(std::string_view text) {
  return text.find_first_not_of(kSpace) == std::string_view::npos;
}

// Whether a node writes nothing: Liquid drops white space between such nodes inside blocks.
bool WritesNothing(const Node& node);

bool WritesNothing(const Block& block) {
  return std::all_of(block.begin(), block.end(), [](const Node& n) { return WritesNothing(n); });
}

bool WritesNothing(const Node& node) {
  if (const auto* text = std::get_if<TextNode>(&node.what)) return IsWhiteSpace(text->text);
  if (const auto* choice = std::get_if<IfNode>(&node.what)) {
    return std::all_of(choice->branches.begin(), choice->branches.end(),
                       [](const Branch& b) { return WritesNothing(b.body); });
  }
  if (const auto* loop = std::get_if<ForNode>(&node.what)) {
    return WritesNothing(loop->body) && WritesNothing(loop->otherwise);
  }
  return !std::holds_alternative<OutputNode>(node.what);
}

void DropText(Block& block) {
  std::erase_if(block, [](const Node& n) { return std::holds_alternative<TextNode>(n.what); });
}

class Compiler {
 public:
  Compiler(std::string_view source, const CompileOptions& options)
      : source_(source), options_(options) {}

  absl::StatusOr<std::shared_ptr<const Program>> Run() {
    auto program = std::make_shared<Program>();
    program->escape = options_.escape;
    program->line_starts.push_back(0);
    for (size_t at = source_.find('\n'); at != std::string_view::npos;
         at = source_.find('\n', at + 1)) {
      program->line_starts.push_back(at + 1);
    }
    if (source_.size() > options_.source_bytes_max) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "line 1, column 1: the template is longer than %d bytes", options_.source_bytes_max));
    }
    Closing closing;
    if (!ParseBlock({}, &program->body, &closing)) {
      return ErrorAt(program->line_starts, error_.position, absl::StatusCode::kInvalidArgument,
                     error_.message);
    }
    program->variables.assign(read_.begin(), read_.end());
    return std::shared_ptr<const Program>(std::move(program));
  }

 private:
  // The tag that ended a block, if one did.
  struct Closing {
    std::string_view name;
    Piece piece;
  };

  bool Fail(size_t position, std::string message) {
    if (error_.message.empty()) error_ = {position, std::move(message)};
    return false;
  }

  ExpressionParser Inside(const Piece& piece) {
    std::string_view inside = piece.inside;
    size_t skipped = 0;
    if (piece.kind == Piece::Kind::kTag) {
      const std::string_view name = TagName(inside);
      skipped = static_cast<size_t>(name.data() - inside.data()) + name.size();
    }
    return {inside.substr(skipped), piece.inside_position + skipped, options_, read_, error_};
  }

  // Takes the next piece, and trims text as the tags around it ask.
  bool Next(Piece* piece) {
    size_t next = at_;
    *piece = NextPiece(source_, at_, &next, &error_);
    if (!error_.message.empty()) return false;
    at_ = next;
    if (piece->kind != Piece::Kind::kText) {
      trim_next_ = piece->trim_after;
      return true;
    }
    if (trim_next_) TrimFront(&piece->inside);
    trim_next_ = false;
    // `{%-` right after this text eats its end.
    if (at_ + 2 < source_.size() && source_[at_ + 2] == '-' && source_[at_] == '{') {
      TrimBack(&piece->inside);
    }
    return true;
  }

  static void TrimFront(std::string_view* text) {
    text->remove_prefix(std::min(text->find_first_not_of(kSpace), text->size()));
  }
  static void TrimBack(std::string_view* text) {
    *text = text->substr(0, text->find_last_not_of(kSpace) + 1);
  }

  // Nodes until one of the tags `ends` (then `closing` names it), or to the end of the source if
  // there are none.
  bool ParseBlock(const std::vector<std::string_view>& ends, Block* out, Closing* closing) {
    const size_t opened = at_;
    if (++depth_ > options_.depth_max) return Fail(opened, "blocks are nested too deeply");
    while (at_ < source_.size()) {
      Piece piece;
      if (!Next(&piece)) return false;
      if (piece.kind == Piece::Kind::kText) {
        if (!piece.inside.empty()) {
          out->push_back({piece.position, TextNode{std::string(piece.inside)}});
        }
        continue;
      }
      if (piece.kind == Piece::Kind::kOutput) {
        if (!ParseOutput(piece, out)) return false;
        continue;
      }
      const std::string_view name = TagName(piece.inside);
      if (std::find(ends.begin(), ends.end(), name) != ends.end()) {
        *closing = {name, piece};
        --depth_;
        return true;
      }
      if (!ParseTag(name, piece, out)) return false;
    }
    if (!ends.empty()) return Fail(opened, absl::StrFormat("`%s` is missing", ends.front()));
    --depth_;
    return true;
  }

  bool ParseOutput(const Piece& piece, Block* out) {
    if (IsWhiteSpace(piece.inside)) {  // `{{ }}` writes nothing.
      out->push_back({piece.position, TextNode{}});
      return true;
    }
    OutputNode node;
    if (!Inside(piece).ParseFiltered(&node.value)) return false;
    out->push_back({piece.position, std::move(node)});
    return true;
  }

  bool ParseTag(std::string_view name, const Piece& piece, Block* out) {
    if (name == "if" || name == "unless") return ParseIf(name, piece, out);
    if (name == "for") return ParseFor(piece, out);
    if (name == "assign") return ParseAssign(piece, out);
    if (name == "comment") return SkipComment(piece);
    if (name == "#") return CheckInlineComment(piece);
    if (name == "raw") return ParseRaw(piece, out);
    if (name == "break" || name == "continue") {
      out->push_back({piece.position, name == "break" ? Jump::kBreak : Jump::kContinue});
      return Inside(piece).ExpectEnd();
    }
    return Fail(piece.position,
                absl::StrFormat("the tag `%s` is not one of: if, elsif, else, unless, for, break, "
                                "continue, assign, comment, raw",
                                name));
  }

  bool ParseAssign(const Piece& piece, Block* out) {
    AssignNode node;
    ExpressionParser inside = Inside(piece);
    if (!inside.ParseName("a name to assign to", &node.name)) return false;
    if (!inside.TakeSymbol("=")) return inside.Fail("expected `=`");
    if (!inside.ParseFiltered(&node.value)) return false;
    out->push_back({piece.position, std::move(node)});
    return true;
  }

  bool ParseIf(std::string_view name, const Piece& opening, Block* out) {
    const std::string_view end = name == "if" ? "endif" : "endunless";
    IfNode node;
    Branch branch;
    branch.negated = name == "unless";
    if (!Inside(opening).ParseCondition(&branch.condition.emplace())) return false;
    bool had_else = false;
    while (true) {
      Closing closing;
      if (!ParseBlock({end, "elsif", "else"}, &branch.body, &closing)) return false;
      // What follows an `else` can never be chosen; Liquid lets it stand.
      if (!had_else) node.branches.push_back(std::move(branch));
      branch = {};
      if (closing.name == end) {
        if (!Inside(closing.piece).ExpectEnd()) return false;
        break;
      }
      had_else = had_else || !node.branches.back().condition.has_value();
      if (closing.name == "elsif" &&
          !Inside(closing.piece).ParseCondition(&branch.condition.emplace())) {
        return false;
      }
    }
    Node result{opening.position, std::move(node)};
    if (WritesNothing(result)) {
      for (Branch& each : std::get<IfNode>(result.what).branches) DropText(each.body);
    }
    out->push_back(std::move(result));
    return true;
  }

  bool ParseFor(const Piece& opening, Block* out) {
    ForNode node;
    if (!ParseForHeader(opening, &node)) return false;
    Closing closing;
    if (!ParseBlock({"endfor", "else"}, &node.body, &closing)) return false;
    if (closing.name == "else" && !ParseBlock({"endfor"}, &node.otherwise, &closing)) return false;
    Node result{opening.position, std::move(node)};
    if (WritesNothing(result)) {
      DropText(std::get<ForNode>(result.what).body);
      DropText(std::get<ForNode>(result.what).otherwise);
    }
    out->push_back(std::move(result));
    return true;
  }

  bool ParseForHeader(const Piece& opening, ForNode* node) {
    ExpressionParser inside = Inside(opening);
    if (!inside.ParseName("a name for the loop's item", &node->variable)) return false;
    if (!inside.TakeName("in")) return inside.Fail("expected `in`");
    const size_t begin = inside.Peek().position;
    if (!inside.ParseValue(&node->collection)) return false;
    std::string_view text = source_.substr(begin, inside.Peek().position - begin);
    TrimBack(&text);
    node->name = node->variable + "-" + std::string(text);
    while (!inside.AtEnd()) {
      if (inside.TakeSymbol(",")) continue;
      if (inside.TakeName("reversed")) {
        node->reversed = true;
        continue;
      }
      const bool limit = inside.TakeName("limit");
      if (!limit && !inside.TakeName("offset")) {
        return inside.Fail("expected `limit:`, `offset:` or `reversed`");
      }
      if (!inside.TakeSymbol(":")) return inside.Fail("expected `:`");
      if (!limit && inside.TakeName("continue")) {
        node->offset_continues = true;
      } else if (!inside.ParseValue(&(limit ? node->limit : node->offset).emplace())) {
        return false;
      }
    }
    return true;
  }

  bool SkipComment(const Piece& opening) {
    int open = 1;
    while (at_ < source_.size()) {
      Piece piece;
      size_t next = at_;
      SourceError unclosed;  // An unclosed `{{` in a comment is the comment's own business.
      piece = NextPiece(source_, at_, &next, &unclosed);
      if (!unclosed.message.empty()) break;
      at_ = next;
      if (piece.kind != Piece::Kind::kTag) continue;
      const std::string_view name = TagName(piece.inside);
      if (name == "raw") {
        NextRaw(source_, at_, &next, &unclosed);
        if (!unclosed.message.empty()) break;
        at_ = next;
      }
      open += name == "comment" ? 1 : name == "endcomment" ? -1 : 0;
      if (open > 0) continue;
      trim_next_ = piece.trim_after;
      return true;
    }
    return Fail(opening.position, "`comment` is never closed by `endcomment`");
  }

  bool CheckInlineComment(const Piece& piece) {
    std::string_view rest = piece.inside;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      TrimFront(&line);
      if (!line.empty() && line.front() != '#') {
        return Fail(piece.position, "every line of an inline comment begins with `#`");
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return true;
  }

  bool ParseRaw(const Piece& opening, Block* out) {
    if (!Inside(opening).ExpectEnd()) return false;
    size_t next = at_;
    Piece text = NextRaw(source_, at_, &next, &error_);
    if (!error_.message.empty()) return Fail(opening.position, error_.message);
    at_ = next;
    if (opening.trim_after) TrimFront(&text.inside);
    if (text.trim_before) TrimBack(&text.inside);
    trim_next_ = text.trim_after;
    out->push_back({text.position, TextNode{std::string(text.inside)}});
    return true;
  }

  std::string_view source_;
  const CompileOptions& options_;
  std::set<std::string> read_;
  SourceError error_;
  size_t at_ = 0;
  bool trim_next_ = false;
  int depth_ = 0;
};

// Whether `path` reads something that the template itself sets.
void CollectLocals(const Block& block, std::set<std::string>* locals) {
  for (const Node& node : block) {
    if (const auto* assign = std::get_if<AssignNode>(&node.what)) {
      locals->insert(assign->name);
    } else if (const auto* choice = std::get_if<IfNode>(&node.what)) {
      for (const Branch& branch : choice->branches) CollectLocals(branch.body, locals);
    } else if (const auto* loop = std::get_if<ForNode>(&node.what)) {
      locals->insert(loop->variable);
      locals->insert("forloop");
      CollectLocals(loop->body, locals);
      CollectLocals(loop->otherwise, locals);
    }
  }
}

}  // namespace

absl::Status ErrorAt(const std::vector<size_t>& line_starts, size_t position, absl::StatusCode code,
                     std::string_view message) {
  const auto after = std::upper_bound(line_starts.begin(), line_starts.end(), position);
  const auto line = static_cast<size_t>(after - line_starts.begin());
  const size_t column = position - line_starts[line - 1] + 1;
  return {code, absl::StrFormat("line %d, column %d: %s", line, column, message)};
}

absl::StatusOr<Template> Template::Compile(std::string_view source, const CompileOptions& options) {
  auto compiled = Compiler(source, options).Run();
  if (!compiled.ok()) return compiled.status();
  auto program = std::const_pointer_cast<Program>(*compiled);
  std::set<std::string> locals;
  CollectLocals(program->body, &locals);
  std::erase_if(program->variables, [&](const std::string& path) {
    return locals.contains(path.substr(0, path.find('.')));
  });
  return Template(std::move(program));
}

const std::vector<std::string>& Template::Variables() const { return program_->variables; }

}  // namespace rondo::liquid
