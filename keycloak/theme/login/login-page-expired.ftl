<#import "template.ftl" as layout>
<@layout.registrationLayout; section>
<#if section == "header">
  ${msg("pageExpiredTitle")}
<#elseif section == "form">
  <p>${msg("pageExpired")}</p>
  <div class="choice next">
    <a class="primary" id="loginContinueLink" href="${url.loginAction}">${msg("pageExpiredContinue")}</a>
    <a class="button" id="loginRestartLink" href="${url.loginRestartFlowUrl}">${msg("pageExpiredRestart")}</a>
  </div>
</#if>
</@layout.registrationLayout>
