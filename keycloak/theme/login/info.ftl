<#import "template.ftl" as layout>
<@layout.registrationLayout displayMessage=false; section>
<#if section == "header">
  <#if messageHeader??>${msg(messageHeader)}<#else>${message.summary}</#if>
<#elseif section == "form">
  <#if messageHeader?? || requiredActions??>
    <p id="kc-info-message">${message.summary}<#if requiredActions??><#list requiredActions>: <#items as action>${msg("requiredAction.${action}")}<#sep>, </#items></#list></#if></p>
  </#if>
  <#if actionUri?has_content>
    <p class="next"><a class="primary" href="${actionUri}">${msg("doContinue")}</a></p>
  <#else>
    <p class="next">${msg("nextAfterInfo")}</p>
  </#if>
</#if>
</@layout.registrationLayout>
